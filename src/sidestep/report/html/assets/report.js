"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const PAGE = 50;
  const number = new Intl.NumberFormat("en-US");
  const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
  const fine = new Intl.NumberFormat("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  const money = (value) => {
    if (value === null || value === undefined) return "-";
    const text = value > 0 && value < 10 ? fine.format(value) : whole.format(value);
    return data.currency === "USD" ? "$" + text : text + " " + data.currency;
  };
  const cpu = (millis) => (millis < 1000 ? whole.format(millis) + "m" : number.format(Math.round(millis / 100) / 10));
  const memory = (bytes) => {
    for (const [unit, size] of [["Ti", 2 ** 40], ["Gi", 2 ** 30], ["Mi", 2 ** 20], ["Ki", 2 ** 10]]) {
      if (bytes >= size) return number.format(Math.round((bytes / size) * 10) / 10) + unit;
    }
    return number.format(bytes);
  };
  const count = (title, get) => ({ title, value: get, show: (row) => number.format(get(row)), numeric: true });
  const text = (title, get, extra) => ({ title, value: get, ...extra });
  const amount = (title, get, spell) => ({ title, value: (row) => get(row) ?? -1, show: (row) => spell(get(row)), numeric: true });
  const priced = [
    amount("CPU", (row) => row.requested.cpuMillis, cpu),
    amount("Memory", (row) => row.requested.memoryBytes, memory),
    amount("Requested/month", (row) => row.monthly.requested, money),
    amount("Used/month", (row) => row.monthly.used, money),
  ];
  const tables = {
    namespaces: {
      rows: data.namespaces, sort: 6, search: "Filter namespaces",
      columns: [
        text("Namespace", (row) => row.namespace, { wide: true }),
        count("Pods", (row) => row.pods),
        count("Classic", (row) => row.sidecars.classic),
        count("Native", (row) => row.sidecars.native),
        ...priced.slice(0, 2),
        ...priced.slice(2),
        count("Ambient", (row) => row.ambient),
        text("Layer 7", (row) => (row.layer7 ? "yes" : "no")),
        text("In use", (row) => Object.entries(row.features).map(([name, n]) => name + " " + n).join(", "), { wide: true }),
        text("Labels", (row) => row.injection, { wide: true }),
      ],
    },
    workloads: {
      rows: data.workloads, sort: 8, search: "Filter workloads",
      columns: [
        text("Namespace", (row) => row.namespace, { wide: true }),
        text("Workload", (row) => row.kind.toLowerCase() + "/" + row.name, { wide: true }),
        text("Role", (row) => row.role),
        { title: "Pods", value: (row) => row.pods, numeric: true,
          show: (row) => number.format(row.pods) + (row.evidence === "template" ? "*" : "") },
        count("Classic", (row) => row.sidecars.classic),
        count("Native", (row) => row.sidecars.native),
        ...priced,
        count("Ambient", (row) => row.ambient),
        count("Drift", (row) => row.drift),
        { title: "Next pod", value: (row) => row.injection.result, wide: true, small: (row) => row.injection.reason },
      ],
    },
    findings: {
      rows: data.findings, sort: 0, search: "Filter findings", gone: (row) => row.suppressed !== null,
      columns: [
        { title: "Severity", value: (row) => row.rank, show: (row) => row.severity, className: (row) => row.severity },
        { title: "Code", value: (row) => row.code, href: (row) => data.docs + row.docs },
        { title: "Object", value: (row) => row.object, wide: true, small: (row) => row.origin },
        { title: "What", value: (row) => row.message, wide: true,
          small: (row) => (row.suppressed ? "suppressed by " + row.suppressed : "Fix: " + row.fix) },
      ],
    },
  };

  const element = (name, properties = {}, ...children) => {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  };
  const compare = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b)));

  const cell = (column, row) => {
    const shown = (column.show || column.value)(row);
    const made = element("td", { className: column.numeric ? "n" : column.wide ? "o" : "" });
    if (column.className) made.classList.add(column.className(row));
    made.append(column.href ? element("a", { href: column.href(row), rel: "noreferrer", textContent: shown }) : String(shown));
    const small = column.small && column.small(row);
    if (small) made.append(element("small", { textContent: small }));
    return made;
  };

  const draw = (place, table) => {
    let sorted = table.sort, down = true, page = 0, wanted = "";
    const haystack = new Map(table.rows.map((row) => [row, table.columns.map((c) => (c.show || c.value)(row)).join(" ").toLowerCase()]));
    const body = element("tbody");
    const status = element("span", { role: "status" });
    const input = element("input", { type: "search", placeholder: table.search, ariaLabel: table.search });
    const back = element("button", { type: "button", textContent: "Previous" });
    const next = element("button", { type: "button", textContent: "Next" });
    const heads = table.columns.map((column, index) => {
      const button = element("button", { type: "button", textContent: column.title });
      button.addEventListener("click", () => {
        down = sorted === index ? !down : Boolean(column.numeric);
        sorted = index;
        page = 0;
        show();
      });
      return element("th", { className: column.numeric ? "n" : "", scope: "col" }, button);
    });
    const show = (all = false) => {
      const column = table.columns[sorted];
      const found = table.rows.filter((row) => haystack.get(row).includes(wanted));
      found.sort((a, b) => (down ? -1 : 1) * compare(column.value(a), column.value(b)));
      const first = all ? 0 : page * PAGE, last = all ? found.length : first + PAGE;
      body.replaceChildren(...found.slice(first, last).map((row) => {
        const line = element("tr", {}, ...table.columns.map((each) => cell(each, row)));
        if (table.gone && table.gone(row)) line.className = "gone";
        return line;
      }));
      heads.forEach((head, index) => {
        if (index === sorted) head.setAttribute("aria-sort", down ? "descending" : "ascending");
        else head.removeAttribute("aria-sort");
      });
      status.textContent = found.length
        ? number.format(first + 1) + "–" + number.format(Math.min(last, found.length)) + " of " + number.format(found.length)
        : "nothing found";
      back.disabled = page === 0;
      next.disabled = last >= found.length;
    };
    input.addEventListener("input", () => { wanted = input.value.toLowerCase(); page = 0; show(); });
    back.addEventListener("click", () => { page -= 1; show(); });
    next.addEventListener("click", () => { page += 1; show(); });
    addEventListener("beforeprint", () => show(true));
    addEventListener("afterprint", () => show());
    place.append(
      element("div", { className: "bar" }, input, back, next, status),
      element("div", { className: "scroll" }, element("table", {}, element("thead", {}, element("tr", {}, ...heads)), body)),
    );
    show();
  };
  for (const place of document.querySelectorAll("[data-table]")) draw(place, tables[place.dataset.table]);
})();
