"""Renew the vendored price tables from the lists that the Karpenter providers publish.

    python tools/vendor_prices.py aws zz_generated.pricing_aws.go 2026-07-20
    python tools/vendor_prices.py azure zz_generated.pricing.go 2026-06-18
    python tools/vendor_prices.py gcp initial-prices.json 2026-08-06

Prices are US dollars per hour, on demand. Families that no Kubernetes node runs on, and regions that few use, are left
out to keep the package small; `--prices FILE` adds what is missing.
"""

import json
import re
import sys
from pathlib import Path

DATA = Path(__file__).parent.parent / "src/sidestep/sources/prices/data"
SOURCES = {
    "aws": "aws/karpenter-provider-aws",
    "azure": "Azure/karpenter-provider-azure",
    "gcp": "cloudpilot-ai/karpenter-provider-gcp",
}
AZURE_REGIONS = [
    "eastus",
    "eastus2",
    "centralus",
    "westus",
    "westus2",
    "westus3",
    "southcentralus",
    "canadacentral",
    "brazilsouth",
    "northeurope",
    "westeurope",
    "uksouth",
    "francecentral",
    "germanywestcentral",
    "swedencentral",
    "switzerlandnorth",
    "southeastasia",
    "eastasia",
    "japaneast",
    "australiaeast",
    "centralindia",
    "koreacentral",
    "uaenorth",
]
KEPT = {
    "aws": re.compile(r"(?:a1|[cmrt]\d|i[34]|x2)"),
    "azure": re.compile(r"Standard_(?:B\d|D\d|DS\d|E\d|F\d|L\d)"),
    "gcp": re.compile(r"(?:e2|n1|n2d?|n4d?|c2d?|c3d?|c4[ad]?|t2[da])-(?:standard|highmem|highcpu)-\d+$"),
}
PAIR = re.compile(r'"([^"]+)":\s*([0-9.]+)')


def regions(cloud: str, text: str) -> dict[str, dict[str, float]]:
    if cloud == "gcp":
        return {region: lists["on_demand"] for region, lists in json.loads(text)["prices"].items()}
    heading = r'^\t"([a-z0-9-]+)": \{$' if cloud == "aws" else r'initialOnDemandPrices\["([a-z0-9]+)"\]'
    parts = re.split(heading, text, flags=re.MULTILINE)[1:]
    return {
        region: {kind: float(price) for kind, price in PAIR.findall(block)}
        for region, block in zip(parts[::2], parts[1::2], strict=True)
    }


def main() -> None:
    cloud, path, date = sys.argv[1:]
    tables = {
        region: {kind: round(price, 5) for kind, price in sorted(prices.items()) if KEPT[cloud].match(kind)}
        for region, prices in sorted(regions(cloud, Path(path).read_text()).items())
        if cloud != "azure" or region in AZURE_REGIONS
    }
    head = {"source": SOURCES[cloud], "date": date, "currency": "USD"}
    lines = [f'"{region}":{json.dumps(prices, separators=(",", ":"))}' for region, prices in tables.items()]
    body = json.dumps(head)[:-1] + ',"regions":{\n' + ",\n".join(lines) + "\n}}\n"
    (DATA / f"{cloud}.json").write_text(body)
    print(f"{cloud}: {len(tables)} regions, {sum(map(len, tables.values()))} prices, {len(body) >> 10} KiB")


if __name__ == "__main__":
    main()
