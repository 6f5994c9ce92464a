"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const PAGE = 50;
  const PRINTED = 500;
  const number = new Intl.NumberFormat("en-US");
  const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
  const fine = new Intl.NumberFormat("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });

  const money = (value) => {
    if (value === null || value === undefined) return "–";
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

  const count = (title, value, mark) => ({
    title, value, numeric: true, show: (row) => number.format(value(row)) + (mark ? mark(row) : ""),
  });
  const amount = (title, value, spell, why) => ({
    title, value: (row) => value(row) ?? -1, show: (row) => spell(value(row)), numeric: true, why,
  });
  const priced = [
    amount("CPU", (row) => row.requested.cpuMillis, cpu),
    amount("Memory", (row) => row.requested.memoryBytes, memory),
    amount("Requested/mo", (row) => row.monthly.requested, money, data.why.requested),
    amount("Used/mo", (row) => row.monthly.used, money, data.why.used),
  ];
  const tables = {
    findings: {
      rows: data.findings, sort: 0, search: "Filter findings", gone: (row) => row.suppressed !== null,
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
  };

  const element = (name, properties = {}, ...children) => {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  };
  const compare = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b)));
  const shown = (column, row) => String((column.show || column.value)(row));

  const cell = (column, row) => {
    const made = element("td", { className: column.numeric ? "n" : column.wide ? "o" : "" });
    if (column.className) made.classList.add(...column.className(row).split(" "));
    const text = shown(column, row);
    made.append(column.href ? element("a", { href: column.href(row), rel: "noreferrer noopener", textContent: text }) : text);
    const small = column.small && column.small(row);
    if (small) made.append(element("small", { textContent: small }));
    return made;
  };
  const line = (table, row) => {
    const made = element("tr", {}, ...table.columns.map((column) => cell(column, row)));
    if (table.gone && table.gone(row)) made.className = "gone";
    return made;
  };
  const words = (table, row) =>
    table.columns.map((column) => shown(column, row) + " " + ((column.small && column.small(row)) || "")).join(" ").toLowerCase();

  const draw = (place, table) => {
    const state = { column: table.sort, down: true, page: 0, wanted: "", only: () => true };
    let haystack = null;
    const body = element("tbody");
    const status = element("span", { role: "status" });
    const input = element("input", { type: "search", placeholder: table.search, ariaLabel: table.search });
    const back = element("button", { type: "button", textContent: "Previous" });
    const next = element("button", { type: "button", textContent: "Next" });
    const matches = (row) => {
      if (!state.wanted) return true;
      haystack ??= new Map(table.rows.map((each) => [each, words(table, each)]));
      return haystack.get(row).includes(state.wanted);
    };
    const heads = table.columns.map((column, index) => {
      const button = element("button", { type: "button" }, element("span", { textContent: column.title }));
      if (column.why) button.dataset.why = column.why;
      button.addEventListener("click", () => {
        const first = Boolean(column.numeric || column.down);
        state.down = state.column === index ? !state.down : first;
        state.column = index;
        state.page = 0;
        show();
      });
      return element("th", { className: column.numeric ? "n" : "", scope: "col" }, button);
    });
    const show = (size = PAGE) => {
      const column = table.columns[state.column];
      const found = table.rows.filter((row) => state.only(row) && matches(row));
      found.sort((a, b) => (state.down ? -1 : 1) * compare(column.value(a), column.value(b)));
      const first = size === PAGE ? state.page * PAGE : 0;
      const last = Math.min(first + size, found.length);
      body.replaceChildren(...found.slice(first, last).map((row) => line(table, row)));
      heads.forEach((head, index) => {
        if (index === state.column) head.setAttribute("aria-sort", state.down ? "descending" : "ascending");
        else head.removeAttribute("aria-sort");
      });
      status.textContent = found.length
        ? number.format(first + 1) + "–" + number.format(last) + " of " + number.format(found.length)
        : "Nothing to show";
      back.disabled = first === 0;
      next.disabled = last >= found.length;
      back.hidden = next.hidden = found.length <= PAGE;
    };
    input.addEventListener("input", () => { state.wanted = input.value.trim().toLowerCase(); state.page = 0; show(); });
    back.addEventListener("click", () => { state.page -= 1; show(); });
    next.addEventListener("click", () => { state.page += 1; show(); });
    addEventListener("beforeprint", () => show(PRINTED));
    addEventListener("afterprint", () => show());
    place.append(
      element("div", { className: "bar" }, input, status, back, next),
      element("div", { className: "scroll" }, element("table", {}, element("thead", {}, element("tr", {}, ...heads)), body)),
    );
    show();
    return (only) => { state.only = only; state.page = 0; show(); };
  };

  const narrow = {};
  for (const place of document.querySelectorAll("[data-table]")) narrow[place.dataset.table] = draw(place, tables[place.dataset.table]);

  const badges = [...document.querySelectorAll("[data-severity]")];
  for (const badge of badges) {
    badge.addEventListener("click", () => {
      const on = badge.getAttribute("aria-pressed") !== "true";
      for (const each of badges) each.setAttribute("aria-pressed", String(on && each === badge));
      narrow.findings((row) => !on || (row.severity === badge.dataset.severity && row.suppressed === null));
    });
  }

  const why = document.getElementById("why");
  let explained = null;
  const explain = (target) => {
    explained = target;
    why.textContent = target.dataset.why;
    why.hidden = false;
    target.setAttribute("aria-describedby", "why");
    const box = target.getBoundingClientRect();
    const left = Math.min(Math.max(12, box.left), innerWidth - why.offsetWidth - 12);
    const below = box.bottom + 8;
    const top = below + why.offsetHeight > innerHeight ? Math.max(8, box.top - why.offsetHeight - 8) : below;
    why.style.left = left + "px";
    why.style.top = top + "px";
  };
  const hush = () => { explained = null; why.hidden = true; };
  const asked = (event) => event.target instanceof Element && event.target.closest("[data-why]");
  for (const kind of ["mouseover", "focusin"]) {
    addEventListener(kind, (event) => {
      const target = asked(event);
      if (target && target.dataset.why) explain(target);
      else if (kind === "focusin" || explained !== document.activeElement) hush();
    });
  }
  addEventListener("focusout", hush);
  addEventListener("scroll", () => { if (explained) explain(explained); }, { passive: true, capture: true });
  addEventListener("keydown", (event) => { if (event.key === "Escape") hush(); });
})();
