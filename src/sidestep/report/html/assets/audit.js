"use strict";
{
  const { data, money, cpu, memory, count, amount, start } = sidestep;
  const priced = [
    amount("CPU", (row) => row.requested.cpuMillis, cpu),
    amount("Memory", (row) => row.requested.memoryBytes, memory),
    amount("Requested/mo", (row) => row.monthly.requested, money, data.why.requested),
    amount("Used/mo", (row) => row.monthly.used, money, data.why.used),
  ];

  start({
    findings: {
      rows: data.findings, sort: 0, search: "Filter findings", gone: (row) => row.suppressed !== null,
      only: (row, severity) => row.severity === severity && row.suppressed === null,
      columns: [
        { title: "Severity", value: (row) => row.rank, show: (row) => row.severity, className: (row) => "tight " + row.severity, down: true },
        { title: "Code", value: (row) => row.code, href: (row) => data.docs + row.docs, className: () => "tight" },
        { title: "Object", value: (row) => row.object, wide: true, small: (row) => row.origin },
        { title: "What", value: (row) => row.message, wide: true,
          small: (row) => (row.suppressed ? "Suppressed by " + row.suppressed : "Fix: " + row.fix) },
      ],
    },
    namespaces: {
      rows: data.namespaces, sort: 6, search: "Filter namespaces",
      columns: [
        { title: "Namespace", value: (row) => row.namespace, wide: true, small: (row) => row.injection },
        count("Pods", (row) => row.pods),
        count("Classic", (row) => row.sidecars.classic),
        count("Native", (row) => row.sidecars.native),
        ...priced,
        count("Ambient", (row) => row.ambient),
        { title: "Layer 7", value: (row) => (row.layer7 ? "yes" : "no"), wide: true, down: true,
          small: (row) => Object.entries(row.features).map(([name, n]) => name + " " + n).join(", ") },
      ],
    },
    workloads: {
      rows: data.workloads, sort: 7, search: "Filter workloads",
      columns: [
        { title: "Workload", value: (row) => row.name, wide: true,
          small: (row) => row.kind + (row.role === "application" ? "" : ", " + row.role) },
        { title: "Namespace", value: (row) => row.namespace, wide: true },
        count("Pods", (row) => row.pods, (row) => (row.evidence === "template" ? "*" : "")),
        count("Classic", (row) => row.sidecars.classic),
        count("Native", (row) => row.sidecars.native),
        ...priced,
        count("Drift", (row) => row.drift),
        { title: "Next pod", value: (row) => row.next, wide: true, small: (row) => row.reason },
      ],
    },
  });
}
