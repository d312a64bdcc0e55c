"use strict";
// The page for SQL: Ctrl+Enter, completion of names, fields for parameters, a chart of the answer, statements kept in the browser. All of
// it works without, but the chart and what is kept.
(() => {
  const form = document.getElementById("sql-form");
  const box = document.getElementById("query");
  if (!form || !box) return;

  box.addEventListener("keydown", (e) => {
    if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) {
      e.preventDefault();
      form.requestSubmit(form.querySelector("button[name=run]"));
    }
  });

  // Names of views and columns, as the page lists them.
  const words = [...new Set([...document.querySelectorAll("[data-view]")].map((e) => e.dataset.view).concat([...document.querySelectorAll("[data-column]")].filter((e) => e.tagName === "CODE").map((e) => e.dataset.column)))].sort();
  const list = Object.assign(document.createElement("ul"), { id: "sql-words", className: "suggested sql-words", hidden: true });
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Names");
  box.after(list);
  box.setAttribute("aria-controls", "sql-words");
  let at = -1;
  const word = () => {
    const before = box.value.slice(0, box.selectionStart);
    return /[A-Za-z_][A-Za-z0-9_]*$/.exec(before)?.[0] ?? "";
  };
  const close = () => {
    list.hidden = true;
    at = -1;
  };
  const put = (name) => {
    const part = word();
    box.setRangeText(name, box.selectionStart - part.length, box.selectionStart, "end");
    close();
    box.dispatchEvent(new Event("input"));
    close();
    box.focus();
  };
  const mark = (to) => {
    const all = [...list.children];
    at = (to + all.length) % all.length;
    all.forEach((item, i) => item.setAttribute("aria-selected", i === at));
    all[at].scrollIntoView({ block: "nearest" });
  };
  const offer = () => {
    const part = word().toLowerCase();
    const found = part.length < 2 ? [] : words.filter((name) => name.startsWith(part) && name !== part).slice(0, 12);
    list.replaceChildren(
      ...found.map((name) => {
        const item = Object.assign(document.createElement("li"), { textContent: name });
        item.setAttribute("role", "option");
        item.addEventListener("mousedown", (e) => {
          e.preventDefault();
          put(name);
        });
        return item;
      }),
    );
    list.hidden = found.length === 0;
    at = -1;
  };
  box.addEventListener("input", offer);
  box.addEventListener("blur", close);
  box.addEventListener("keydown", (e) => {
    if (list.hidden) return;
    const act = {
      Tab: () => put(list.children[Math.max(0, at)].textContent),
      ArrowDown: () => mark(at + 1),
      ArrowUp: () => mark(at < 0 ? -1 : at - 1),
      Escape: close,
      Enter: at >= 0 && !e.ctrlKey && !e.metaKey ? () => put(list.children[at].textContent) : null,
    }[e.key];
    if (!act) return;
    e.preventDefault();
    act();
  });

  // A field for each {name:Type}.
  const fields = document.getElementById("sql-params");
  box.addEventListener("input", () => {
    const wanted = new Map([...box.value.matchAll(/\{([A-Za-z_]\w*):([\w(), ']+)\}/g)].map((m) => [m[1], m[2]]));
    for (const label of [...fields.children]) {
      const name = label.querySelector("input").name.slice("param.".length);
      if (!wanted.delete(name) && !label.querySelector("input").value) label.remove();
    }
    for (const [name, type] of wanted) {
      const label = Object.assign(document.createElement("label"), { textContent: `${name} ` });
      label.append(Object.assign(document.createElement("span"), { className: "sub", textContent: type }));
      label.append(" ", Object.assign(document.createElement("input"), { type: "text", className: "short", name: `param.${name}`, maxLength: 2000 }));
      fields.append(label);
    }
  });

  // The place of a mistake is where one goes on.
  const place = document.getElementById("sql-place");
  if (place) {
    const before = box.value.split("\n").slice(0, place.dataset.line - 1).join("\n");
    const start = before.length + (place.dataset.line > 1 ? 1 : 0) + Number(place.dataset.column) - 1;
    box.focus();
    box.setSelectionRange(start, start + 1);
  }

  keepStatements(form, box);

  const table = document.getElementById("sql-table");
  const chart = document.getElementById("sql-chart");
  if (!table || !chart) return;
  if (!window.uPlot) {
    chart.textContent = "The chart library is missing.";
    return;
  }
  const heads = [...table.tHead.rows[0].cells];
  const rows = [...table.tBodies[0].rows];
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const numeric = heads.map((head) => head.classList.contains("num"));
  const dated = /^(Nullable\()?Date/.test(heads[0].dataset.type);
  const number = (text) => (text === "NULL" || text === "" ? null : Number(text));
  const labels = rows.map((row) => row.cells[0].textContent);
  const xs = labels.map((text, i) => (dated ? Date.parse(`${text.replace(" ", "T")}${text.length > 10 ? "Z" : ""}`) / 1000 : numeric[0] ? number(text) : i));
  const lines = heads.map((head, i) => i).filter((i) => i > 0 && numeric[i]).slice(0, 8);
  const order = xs.map((x, i) => i).filter((i) => Number.isFinite(xs[i])).sort((a, b) => xs[a] - xs[b]);
  const data = [order.map((i) => xs[i]), ...lines.map((col) => order.map((i) => number(rows[i].cells[col].textContent)))];
  // What is neither a number nor a time has nothing between one and the next: bars, side by side, from zero.
  const bars = !dated && !numeric[0];
  const width = 0.8 / Math.max(1, lines.length);
  const bar = (i) => ({
    fill: css(`--s${i}`),
    points: { show: false },
    paths: uPlot.paths.bars({
      disp: {
        x0: { unit: 1, values: () => data[0].map((x) => x - 0.4 + i * width) },
        size: { unit: 1, values: () => data[0].map(() => width) },
      },
    }),
  });
  const ranges = bars
    ? { x: { time: false, range: () => [-0.5, rows.length - 0.5] }, y: { range: (_, low, high) => [Math.min(0, low), Math.max(0, high) * 1.05 || 1] } }
    : { x: { time: dated } };
  let drawn;
  // A name has the room of its bars.
  const short = (name) => {
    const most = Math.max(4, Math.floor((chart.clientWidth - 90) / rows.length / 7));
    return name.length > most ? `${name.slice(0, most - 1)}…` : name;
  };
  const exact = (_, v) => (v == null ? "" : String(Number(v.toPrecision(6))));
  const draw = () => {
    drawn?.destroy();
    const axis = { stroke: css("--muted"), grid: { stroke: css("--grid"), width: 1 }, ticks: { stroke: css("--line") } };
    drawn = new uPlot(
      {
        width: chart.clientWidth,
        height: 260,
        scales: ranges,
        axes: [{ ...axis, ...(!bars ? {} : { grid: { show: false }, ticks: { show: false }, values: (_, at) => at.map((i) => (Number.isInteger(i) ? short(labels[i] ?? "") : "")) }) }, { ...axis, size: 70 }],
        series: [{ label: heads[0].textContent, ...(dated ? {} : { value: bars ? (_, at) => (at == null ? "" : (labels[Math.round(at)] ?? "")) : exact }) }, ...lines.map((col, i) => ({ label: heads[col].textContent, value: exact, stroke: css(`--s${i}`), width: 1.5, points: { show: rows.length < 80, size: 5 }, ...(bars ? bar(i) : {}) }))],
      },
      data,
      chart,
    );
    chart.dataset.shown = lines.length;
    chart.dataset.kind = bars ? "bars" : "lines";
  };
  draw();
  let wait;
  new ResizeObserver(() => {
    clearTimeout(wait);
    wait = setTimeout(() => drawn.setSize({ width: chart.clientWidth, height: 260 }), 80);
  }).observe(chart);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);

  // keepStatements lists what was asked here last and what was saved under a name, and copies the link that shares it.
  function keepStatements(form, box) {
    const place = "tidemark.sql";
    const most = 15;
    const told = document.getElementById("sql-told");
    const name = document.getElementById("sql-name");
    const saved = document.getElementById("sql-saved");
    const last = document.getElementById("sql-last");
    const read = () => {
      try {
        const all = JSON.parse(localStorage.getItem(place)) ?? {};
        const good = (list) => (Array.isArray(list) ? list.filter((one) => typeof one?.text === "string" && typeof one?.search === "string") : []);
        return { saved: good(all.saved), last: good(all.last) };
      } catch {
        return { saved: [], last: [] }; // something else was written there
      }
    };
    const write = (all) => {
      try {
        localStorage.setItem(place, JSON.stringify(all));
        return true;
      } catch {
        told.textContent = "This browser keeps nothing.";
        return false;
      }
    };
    const short = (text) => text.replace(/\s+/g, " ").trim();
    const item = (one) => {
      const line = document.createElement("li");
      line.append(Object.assign(document.createElement("a"), { href: `${location.pathname}?${one.search}`, textContent: one.name ?? short(one.text).slice(0, 80), title: short(one.text).slice(0, 400) }));
      return line;
    };
    const show = () => {
      const all = read();
      saved.replaceChildren(
        ...all.saved.map((one) => {
          const line = item(one);
          const drop = Object.assign(document.createElement("button"), { type: "button", className: "button small", textContent: "✕" });
          drop.setAttribute("aria-label", `Remove ${one.name}`);
          drop.addEventListener("click", () => {
            write({ ...all, saved: read().saved.filter((other) => other.name !== one.name) });
            told.textContent = `${one.name} was removed.`;
            show();
            name.focus();
          });
          line.append(" ", drop);
          return line;
        }),
      );
      last.querySelector("ul").replaceChildren(...all.last.map(item));
      last.hidden = all.last.length === 0;
    };
    // What the form would ask, as an address.
    const search = () => `${new URLSearchParams([...new FormData(form)].map(([field, value]) => [field, value.replace(/\r\n/g, "\n")]))}&run=1`;

    const link = document.getElementById("sql-link");
    if (link?.dataset.answered !== undefined) {
      const all = read();
      const one = { text: box.value, search: new URL(link.href).search.slice(1) };
      write({ ...all, last: [one, ...all.last.filter((other) => other.search !== one.search)].slice(0, most) });
    }
    const save = () => {
      const title = name.value.trim();
      if (!title || !box.value.trim()) {
        told.textContent = title ? "Write a statement first." : "Give it a name first.";
        return;
      }
      const all = read();
      const one = { name: title, text: box.value, search: search() };
      if (!write({ ...all, saved: [...all.saved.filter((other) => other.name !== title), one].sort((a, b) => a.name.localeCompare(b.name)) })) return;
      told.textContent = `${title} is saved.`;
      name.value = "";
      show();
    };
    document.getElementById("sql-save").addEventListener("click", save);
    name.addEventListener("keydown", (e) => {
      if (e.key !== "Enter") return;
      e.preventDefault();
      save();
    });
    show();
    document.getElementById("sql-yours").hidden = false;

    if (!link) return;
    const copy = Object.assign(document.createElement("button"), { type: "button", className: "button small", id: "sql-copy", textContent: "Copy link" });
    link.after(copy);
    copy.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(link.href);
        copy.textContent = "Copied";
      } catch {
        // Pages over plain HTTP have no clipboard: the address bar has the same address.
        history.replaceState(null, "", link.href);
        copy.textContent = "It is in the address bar";
      }
      setTimeout(() => (copy.textContent = "Copy link"), 4000);
    });
  }
})();
