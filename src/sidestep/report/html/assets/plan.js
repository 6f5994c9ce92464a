"use strict";
{
  const { data, money, cpu, memory, count, amount, start } = sidestep;
  const wave = (row) => (row.wave === null ? "–" : String(row.wave));
  const late = (row) => (row.wave === null ? Number.MAX_SAFE_INTEGER : row.wave);

  start({
    workloads: {
      rows: data.workloads, sort: 0, up: true, search: "Filter workloads",
      only: (row, fate) => row.fate === fate,
      columns: [
        { title: "Verdict", value: (row) => row.rank, show: (row) => row.fate, className: (row) => "tight fate-" + row.fate,
          small: (row) => row.confidence + " confidence" },
        { title: "Workload", value: (row) => row.namespace + "/" + row.name, wide: true, small: (row) => row.kind + ", " + row.today },
        count("Pods", (row) => row.pods),
        { title: "Wave", value: late, show: wave, numeric: true },
        { title: "Why", value: (row) => row.reasons.join("; ") || "–", wide: true,
          small: (row) => [row.override && "By hand: " + row.override, row.wayOut && "Way out: " + row.wayOut].filter(Boolean).join(" · ") },
        { title: "Differences", value: (row) => row.differences.length, show: (row) => row.differences.map(([code]) => code).join(" "),
          className: () => "codes", links: (row) => row.differences },
      ],
    },
    steps: {
      rows: data.steps, sort: 0, up: true, search: "Filter steps",
      only: (row, number) => String(row.wave) === number,
      columns: [
        { title: "Step", value: (row) => row.index, show: (row) => row.id, className: () => "tight" },
        { title: "What", value: (row) => row.description, wide: true, small: (row) => row.told },
        { title: "Does", value: (row) => row.does, className: () => "tight" },
        { title: "By hand", value: (row) => row.commands, className: () => "code" },
        { title: "Way back", value: (row) => row.back, className: () => "code" },
      ],
    },
    waypoints: {
      rows: data.waypoints, sort: 4, search: "Filter waypoints",
      columns: [
        { title: "Waypoint", value: (row) => row.namespace + "/" + row.name, wide: true, small: (row) => (row.reused ? "there already" : "new") },
        { title: "Services", value: (row) => row.services.length, numeric: true },
        { title: "Replicas", value: (row) => row.replicas, show: (row) => row.replicas + " to " + row.most, numeric: true },
        { title: "Each requests", value: (row) => row.requests.cpuMillis, numeric: true,
          show: (row) => cpu(row.requests.cpuMillis) + " / " + memory(row.requests.memoryBytes) },
        amount("Cost/mo", (row) => row.monthly, money),
        amount("At most/mo", (row) => row.atMost, money),
        { title: "Why", value: (row) => row.because, wide: true, small: (row) => row.services.join(", ") + (row.assumed ? " · load assumed" : "") },
      ],
    },
    blockers: {
      rows: data.blockers, sort: 0, up: true, search: "Filter what is in the way",
      columns: [
        { title: "Kind", value: (row) => row.name, className: () => "tight blocker" },
        { title: "Object", value: (row) => row.object, wide: true, small: (row) => row.field },
        { title: "Why", value: (row) => row.why, wide: true, small: (row) => "Way out: " + row.wayOut },
      ],
    },
    prerequisites: {
      rows: data.prerequisites, sort: 0, up: true, search: "Filter prerequisites",
      columns: [
        { title: "State", value: (row) => row.rank, show: (row) => row.state, className: (row) => "tight " + ["error", "warning", "info"][row.rank] },
        { title: "What", value: (row) => row.name, className: () => "tight" },
        { title: "Seen", value: (row) => row.evidence, wide: true, small: (row) => row.fix && "Fix: " + row.fix },
      ],
    },
  });
}
