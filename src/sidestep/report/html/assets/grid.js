"use strict";
const sidestep = (() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const PAGE = 50;
  const PRINTED = 500;
  const number = new Intl.NumberFormat("en-US");
  const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
  const fine = new Intl.NumberFormat("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });

  const money = (value) => {
    if (value === null || value === undefined) return "–";
    const size = Math.abs(value);
    const text = size > 0 && size < 10 ? fine.format(size) : whole.format(size);
    return (value < 0 ? "-" : "") + (data.currency === "USD" ? "$" + text : text + " " + data.currency);
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

  const element = (name, properties = {}, ...children) => {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  };
  const compare = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b)));
  const shown = (column, row) => String((column.show || column.value)(row));

  const linked = (text, href) => element("a", { href, rel: "noreferrer noopener", textContent: text });
  const cell = (column, row) => {
    const made = element("td", { className: column.numeric ? "n" : column.wide ? "o" : "" });
    if (column.className) made.classList.add(...column.className(row).split(" "));
    if (column.links) {
      for (const [text, href] of column.links(row)) made.append(href ? linked(text, href) : element("span", { textContent: text }), " ");
      return made;
    }
    const text = shown(column, row);
    made.append(column.href ? linked(text, column.href(row)) : text);
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
    const state = { column: table.sort, down: !table.up, page: 0, wanted: "", only: () => true };
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

  const start = (tables) => {
    const narrow = {};
    for (const place of document.querySelectorAll("[data-table]")) narrow[place.dataset.table] = draw(place, tables[place.dataset.table]);
    for (const group of document.querySelectorAll("[data-narrows]")) {
      const name = group.dataset.narrows;
      const badges = [...group.querySelectorAll("[data-only]")];
      for (const badge of badges) {
        badge.addEventListener("click", () => {
          const on = badge.getAttribute("aria-pressed") !== "true";
          for (const each of badges) each.setAttribute("aria-pressed", String(on && each === badge));
          narrow[name]((row) => !on || tables[name].only(row, badge.dataset.only));
        });
      }
    }
  };

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
  return { data, money, cpu, memory, count, amount, start };
})();
