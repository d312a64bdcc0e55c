// The chart of one or more series: orders along the bottom in the order of their
// commits, a line through the value of each order, a dot per sample, and a mark
// where a finding says that the level changed.
"use strict";
(() => {
  const box = document.getElementById("chart");
  const message = document.getElementById("chart-message");
  if (!box || !window.uPlot) return;
  const tools = document.getElementById("chart-tools");
  const readout = document.getElementById("readout");
  const suite = box.dataset.suite;
  const dark = matchMedia("(prefers-color-scheme: dark)");

  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const say = (text) => { message.textContent = text; message.hidden = !text; };

  // explain shows what a detector says of an order, from the page that says it to readers without a script.
  const why = document.getElementById("why");
  let asked = "";
  function explain(address) {
    asked = address;
    why.hidden = false;
    why.setAttribute("aria-busy", "true");
    if (!why.childElementCount) why.textContent = "Asking the detector…";
    fetch(address + "&part=1", { headers: { Accept: "text/html" } })
      .then(async (answer) => {
        if (!answer.ok) throw new Error(answer.status);
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        if (asked !== address) return;
        why.replaceChildren(...page.body.childNodes);
        why.setAttribute("aria-busy", "false");
        why.focus({ preventScroll: true });
        why.scrollIntoView({ block: "nearest" });
      })
      // the page itself says what is wrong
      .catch(() => { if (asked === address) location.href = address; });
  }

  fetch(box.dataset.src, { headers: { Accept: "application/json" } })
    .then(async (answer) => {
      const data = await answer.json();
      if (!answer.ok) throw new Error([data.error, data.message].filter(Boolean).join(": "));
      return data;
    })
    .then(start)
    .catch((problem) => say("The values could not be loaded. " + problem.message));

  function start(data) {
    if (!data.series.some((line) => line.points.length)) {
      say("There are no values to draw yet.");
      return;
    }
    say("");
    tools.hidden = false;
    new Chart(data);
  }

  // number shows v with four significant digits in a unit that suits most.
  const ladders = {
    s: [[1, "s"], [1e-3, "ms"], [1e-6, "µs"], [1e-9, "ns"]],
    b: [[2 ** 40, "TiB"], [2 ** 30, "GiB"], [2 ** 20, "MiB"], [2 ** 10, "KiB"], [1, "B"]],
    "": [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1, ""]],
  };
  ladders.seconds = ladders.s;
  ladders.B = ladders.bytes = ladders.b;

  function scaleOf(metric, most) {
    const ladder = ladders[metric.unit] || ladders[""];
    const own = ladders[metric.unit] ? "" : metric.unit;
    const step = most === 0 ? ladder[ladder === ladders.s ? 0 : ladder.length - 1]
      : ladder.find(([by]) => most >= by) || ladder[ladder.length - 1];
    return { by: step[0], unit: step[1] + own };
  }
  function digits(v, n) {
    if (Math.abs(v) >= 1e15) return v.toPrecision(4);
    const text = v.toFixed(n).replace("-", "−");
    const [whole, rest] = text.split(".");
    const grouped = whole.replace("−", "").length < 5 ? whole : whole.replace(/\B(?=(\d{3})+$)/g, "\u202f");
    return rest ? grouped + "." + rest : grouped;
  }
  function number(metric, v) {
    const s = scaleOf(metric, Math.abs(v));
    const size = Math.abs(v / s.by);
    const n = size === 0 || (s.by === 1 && Number.isInteger(size) && size < 1e6) ? 0 : Math.max(0, Math.min(12, 3 - Math.floor(Math.log10(size))));
    return digits(v / s.by, n) + (s.unit ? "\u00a0" + s.unit : "");
  }
  function percent(ratio) {
    const p = ratio * 100;
    const n = Math.abs(p) < 9.995 ? 2 : Math.abs(p) >= 999.5 ? 0 : 1;
    const text = digits(p, n);
    return (p > 0 && /[1-9]/.test(text) ? "+" : "") + text + "%";
  }
  const clip = (text, n) => (text.length > n ? text.slice(0, n - 1) + "…" : text);

  class Chart {
    constructor(data) {
      this.data = data;
      this.last = data.orders.length - 1;
      // points by position, so that the cursor finds them without searching
      this.at = data.series.map((line) => {
        const found = new Array(data.orders.length).fill(null);
        for (const p of line.points) found[p.at] = p;
        return found;
      });
      // one scale per metric: two metrics never share an axis
      this.metrics = [...new Map(data.series.map((line) => [line.metric.name, line.metric])).values()];
      this.index = null;
      this.marked = data.orders.findIndex((o) => String(o.id) === box.dataset.order);
      this.build(this.wanted());
      this.listen();
      this.show(this.marked >= 0 ? this.marked : this.last);
    }

    // wanted is the range the address asks for, by order ids.
    wanted() {
      const asked = new URLSearchParams(location.search);
      const find = (name) => this.data.orders.findIndex((o) => String(o.id) === asked.get(name));
      const from = find("from"), to = find("to");
      return from >= 0 && to > from ? [from - 0.5, to + 0.5] : null;
    }

    build(range) {
      const colour = {
        text: css("--muted"), grid: css("--grid"), surface: css("--surface"), accent: css("--accent"),
        bad: css("--bad"), good: css("--good"), line: this.data.series.map((_, i) => css("--s" + (i % 8))),
      };
      this.colour = colour;
      const scales = { x: { time: false, range: (u, lo, hi) => this.rangeX(lo, hi) } };
      for (const m of this.metrics) {
        scales["y:" + m.name] = { range: (u) => this.rangeY(u, m) };
      }
      const font = "12px " + getComputedStyle(document.body).fontFamily;
      const axis = { stroke: colour.text, font, labelFont: font, ticks: { show: false }, grid: { stroke: colour.grid, width: 1 } };
      const options = {
        width: box.clientWidth, height: box.clientHeight, scales,
        padding: [18, 12, 0, 0],
        legend: { show: false },
        cursor: {
          drag: { x: true, y: false, setScale: true, dist: 5 },
          y: false,
          points: { size: 9, width: 2, fill: (u, i) => colour.surface, stroke: (u, i) => colour.line[i - 1] },
          bind: { dblclick: () => () => { this.zoom(null); return null; } },
        },
        series: [{}, ...this.data.series.map((line, i) => ({
          scale: "y:" + line.metric.name, stroke: colour.line[i], width: 1.75, spanGaps: true, points: { show: false },
        }))],
        axes: [
          { ...axis, space: 90, size: 34, gap: 8, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000],
            values: (u, splits) => splits.map((i) => (this.data.orders[i] ? clip(this.data.orders[i].name, 12) : "")) },
          ...this.metrics.slice(0, 2).map((m, i) => ({
            ...axis, scale: "y:" + m.name, side: i === 0 ? 3 : 1, grid: i === 0 ? axis.grid : { show: false }, gap: 6,
            size: (u, values) => this.axisWidth(u, values, font),
            values: (u, splits) => this.ticks(m, splits),
          })),
        ],
        hooks: {
          drawClear: [(u) => this.drawBehind(u)],
          draw: [(u) => this.drawFront(u)],
          setCursor: [(u) => { if (u.cursor.idx != null && u.cursor.left >= 0) this.show(u.cursor.idx, true); }],
          setScale: [(u, key) => { if (key === "x" && u === this.plot) this.remember(); }],
        },
      };
      const xs = this.data.orders.map((_, i) => i);
      const ys = this.at.map((points) => points.map((p) => (p ? p.value : null)));
      if (this.plot) this.plot.destroy();
      this.plot = new uPlot(options, [xs, ...ys], box);
      const [lo, hi] = range || this.whole();
      this.plot.setScale("x", { min: lo, max: hi });
    }

    whole() { return [-0.5, this.last + 0.5]; }

    // rangeX keeps at least two orders in sight and never leaves the data.
    rangeX(lo, hi) {
      const [least, most] = this.whole();
      if (lo == null || hi == null) return [least, most];
      if (hi - lo < 2) { const middle = (lo + hi) / 2; lo = middle - 1; hi = middle + 1; }
      return [Math.max(least, lo), Math.min(most, hi)];
    }

    // rangeY covers every sample in sight, failed ones too, and the levels of findings.
    rangeY(u, metric) {
      const [from, to] = this.rangeX(u.scales.x.min, u.scales.x.max);
      let lo = Infinity, hi = -Infinity;
      const take = (v) => { if (v < lo) lo = v; if (v > hi) hi = v; };
      this.data.series.forEach((line) => {
        if (line.metric.name !== metric.name) return;
        for (const p of line.points) {
          if (p.at < from || p.at > to) continue;
          if (p.value != null) take(p.value);
          for (const [v] of p.samples) take(v);
        }
        for (const f of line.findings) {
          if (f.at >= from && f.at <= to) { take(f.before); take(f.after); }
        }
      });
      if (lo > hi) return [0, 1];
      const room = (hi - lo) * 0.08 || Math.abs(hi) * 0.05 || 1;
      return [lo >= 0 ? Math.max(0, lo - room) : lo - room, hi + room];
    }

    ticks(metric, splits) {
      const most = Math.max(...splits.map(Math.abs));
      const s = scaleOf(metric, most);
      const step = Math.abs((splits[1] ?? 0) - splits[0]) / s.by || 1;
      const n = Math.max(0, Math.min(12, -Math.floor(Math.log10(step) + 1e-9)));
      return splits.map((v) => digits(v / s.by, n) + (s.unit ? " " + s.unit : ""));
    }

    axisWidth(u, values, font) {
      const longest = (values || []).reduce((a, b) => (b.length > a.length ? b : a), "");
      u.ctx.save();
      u.ctx.font = font;
      const width = u.ctx.measureText(longest).width;
      u.ctx.restore();
      return Math.ceil(width) + 14;
    }

    inPlot(u, paint) {
      const { left, top, width, height } = u.bbox;
      u.ctx.save();
      u.ctx.beginPath();
      u.ctx.rect(left, top - 16 * devicePixelRatio, width, height + 16 * devicePixelRatio);
      u.ctx.clip();
      paint(u.ctx, left, top, width, height, devicePixelRatio || 1);
      u.ctx.restore();
    }

    // drawBehind draws what the line goes over: the order that the address points at.
    drawBehind(u) {
      if (this.marked < 0) return;
      this.inPlot(u, (ctx, left, top, width, height) => {
        const a = u.valToPos(this.marked - 0.5, "x", true), b = u.valToPos(this.marked + 0.5, "x", true);
        const middle = (a + b) / 2, half = Math.max((b - a) / 2, 4 * devicePixelRatio);
        ctx.fillStyle = this.colour.accent;
        ctx.globalAlpha = 0.11;
        ctx.fillRect(middle - half, top, 2 * half, height);
      });
    }

    drawFront(u) {
      this.inPlot(u, (ctx, left, top, width, height, ratio) => {
        this.data.series.forEach((line, i) => this.drawSamples(u, ctx, line, i, ratio));
        const labels = [];
        this.data.series.forEach((line) => this.drawFindings(u, ctx, line, top, height, ratio, labels));
      });
    }

    drawSamples(u, ctx, line, i, ratio) {
      const scale = "y:" + line.metric.name;
      const { min, max } = u.scales.x;
      const room = u.bbox.width / Math.max(1, max - min);
      const radius = Math.max(1.1, Math.min(2.6, room / ratio / 5)) * ratio;
      for (const p of line.points) {
        if (p.at < min - 1 || p.at > max + 1) continue;
        const x = u.valToPos(p.at, "x", true);
        for (const [v, , failed] of p.samples) {
          const y = u.valToPos(v, scale, true);
          ctx.beginPath();
          if (failed) {
            const r = Math.max(3 * ratio, radius);
            ctx.moveTo(x - r, y - r); ctx.lineTo(x + r, y + r);
            ctx.moveTo(x - r, y + r); ctx.lineTo(x + r, y - r);
            ctx.strokeStyle = this.colour.bad;
            ctx.lineWidth = 1.5 * ratio;
            ctx.globalAlpha = 1;
            ctx.stroke();
          } else {
            ctx.arc(x, y, v === p.value ? radius * 1.15 : radius, 0, 2 * Math.PI);
            ctx.fillStyle = this.colour.line[i];
            ctx.globalAlpha = v === p.value ? 1 : 0.45;
            ctx.fill();
          }
        }
      }
      ctx.globalAlpha = 1;
    }

    // drawFindings marks each change between its two orders: a line down, the level on
    // either side of it as far as the next change, and an arrow for where it went.
    drawFindings(u, ctx, line, top, height, ratio, labels) {
      const scale = "y:" + line.metric.name;
      const reach = Math.max(4, Math.round(this.data.orders.length / 12));
      line.findings.forEach((f, i) => {
        const colour = f.kind === "regression" ? this.colour.bad : this.colour.good;
        const edge = (f.from + f.at) / 2;
        const x = u.valToPos(edge, "x", true);
        const before = u.valToPos(f.before, scale, true), after = u.valToPos(f.after, scale, true);
        const earlier = i > 0 ? (line.findings[i - 1].from + line.findings[i - 1].at) / 2 : -0.5;
        const later = line.findings[i + 1] ? (line.findings[i + 1].from + line.findings[i + 1].at) / 2 : this.last + 0.5;
        ctx.strokeStyle = ctx.fillStyle = colour;
        ctx.lineWidth = 1.25 * ratio;
        ctx.setLineDash([4 * ratio, 3 * ratio]);
        ctx.beginPath(); ctx.moveTo(x, top); ctx.lineTo(x, top + height); ctx.stroke();
        ctx.setLineDash([]);
        ctx.lineWidth = 2.5 * ratio;
        ctx.globalAlpha = 0.85;
        ctx.beginPath();
        ctx.moveTo(u.valToPos(Math.max(earlier, edge - reach), "x", true), before); ctx.lineTo(x, before);
        ctx.moveTo(x, after); ctx.lineTo(u.valToPos(Math.min(later, edge + reach), "x", true), after);
        ctx.stroke();
        ctx.globalAlpha = 1;
        ctx.font = "600 " + 11.5 * ratio + "px " + getComputedStyle(document.body).fontFamily;
        ctx.textBaseline = "middle";
        const text = percent(f.effect), wide = ctx.measureText(text).width + 24 * ratio;
        const fits = x + wide < u.bbox.left + u.bbox.width;
        const [from, to] = fits ? [x - 6 * ratio, x + wide] : [x - wide, x + 6 * ratio];
        // several changes at one place: one label under the other
        let row = 0;
        while (labels.some((l) => l.row === row && l.from < to && from < l.to)) row++;
        labels.push({ row, from, to });
        const up = f.after > f.before, s = 5 * ratio, y = top - 8 * ratio + row * 15 * ratio;
        ctx.beginPath();
        ctx.moveTo(x - s, y + (up ? s : -s) * 0.8); ctx.lineTo(x + s, y + (up ? s : -s) * 0.8); ctx.lineTo(x, y - (up ? s : -s) * 0.8);
        ctx.closePath(); ctx.fill();
        ctx.textAlign = fits ? "left" : "right";
        ctx.fillText(text, x + (fits ? 9 : -9) * ratio, y);
      });
    }

    // show tells about one order beneath the chart.
    show(i, quietly) {
      if (i == null || i < 0 || i > this.last || i === this.index) return;
      this.index = i;
      const order = this.data.orders[i];
      const add = (parent, tag, text, href) => {
        const e = document.createElement(tag);
        e.textContent = text;
        if (href) e.href = href;
        parent.append(e);
        return e;
      };
      const lines = [];
      const head = document.createElement("p");
      add(head, "a", clip(order.name, 60), suite + "order/" + order.id);
      if (order.at) add(head, "span", " · " + order.at.slice(0, 16).replace("T", " ")).className = "sub";
      lines.push(head);
      this.data.series.forEach((line, s) => {
        const p = this.at[s][i];
        if (!p) return;
        const row = document.createElement("p");
        add(row, "span", "").className = "swatch s" + (s % 8);
        add(row, "b", p.value == null ? "failed" : number(line.metric, p.value));
        const before = this.before(s, i);
        if (p.value != null && before) add(row, "span", " " + percent((p.value - before) / before)).className = "sub";
        const failed = p.samples.filter((v) => v[2]).length;
        const what = [p.samples.length > 1 ? line.aggregate + " of " + p.samples.length : "", failed ? failed + " failed" : ""].filter(Boolean).join(", ");
        add(row, "span", " " + (this.data.series.length > 1 ? line.machine.name + " " : "") + (what ? "(" + what + ") " : "")).className = "sub";
        add(row, "a", "run " + p.run, suite + p.run);
        if (p.value != null) {
          add(row, "span", " · ").className = "sub";
          const why = add(row, "a", "why, why not?", suite + "why?plot.0=" + line.plot + "&order=" + order.id);
          why.dataset.why = "";
          why.setAttribute("aria-label", "Why is there a change at " + order.name + " on " + line.machine.name + ", or why not?");
        }
        lines.push(row);
      });
      for (const line of this.data.series) {
        for (const f of line.findings) {
          if (f.at !== i) continue;
          const row = document.createElement("p");
          add(row, "span", (f.after > f.before ? "▲ " : "▼ ") + percent(f.effect) + " " + f.kind).className = f.kind === "regression" ? "bad" : "good";
          add(row, "span", " " + number(line.metric, f.before) + " → " + number(line.metric, f.after)).className = "sub";
          lines.push(row);
        }
      }
      // Moving the mouse must not make a screen reader talk without end.
      readout.setAttribute("aria-live", quietly ? "off" : "polite");
      readout.replaceChildren(...lines);
    }

    before(s, i) {
      for (let j = i - 1; j >= 0; j--) {
        const p = this.at[s][j];
        if (p && p.value != null) return p.value;
      }
      return null;
    }

    zoom(range) {
      const [lo, hi] = range || this.whole();
      this.plot.setScale("x", { min: lo, max: hi });
    }

    // remember puts the range into the address, so that it can be sent to someone.
    remember() {
      const { min, max } = this.plot.scales.x;
      const [least, most] = this.whole();
      box.dataset.shown = min + " " + max;
      const address = new URL(location.href);
      if (min <= least && max >= most) {
        address.searchParams.delete("from");
        address.searchParams.delete("to");
      } else {
        address.searchParams.set("from", this.data.orders[Math.max(0, Math.ceil(min))].id);
        address.searchParams.set("to", this.data.orders[Math.min(this.last, Math.floor(max))].id);
      }
      if (address.href !== location.href) history.replaceState(null, "", address);
    }

    do(what) {
      const { min, max } = this.plot.scales.x;
      const [least, most] = this.whole();
      const width = max - min;
      const middle = this.index != null && this.index >= min && this.index <= max ? this.index : (min + max) / 2;
      const moved = (by) => {
        const shift = Math.max(least - min, Math.min(most - max, by));
        return [min + shift, max + shift];
      };
      switch (what) {
        case "in": return this.zoom([middle - (middle - min) / 2, middle + (max - middle) / 2]);
        case "out": return this.zoom([min - width / 2, max + width / 2]);
        case "left": return this.zoom(moved(-width / 2));
        case "right": return this.zoom(moved(width / 2));
        case "reset": return this.zoom(null);
      }
    }

    step(by) {
      let i = (this.index ?? (by > 0 ? -1 : this.last + 1)) + by;
      while (i >= 0 && i <= this.last && !this.at.some((points) => points[i])) i += Math.sign(by);
      i = Math.max(0, Math.min(this.last, i));
      const { min, max } = this.plot.scales.x;
      if (i < min) this.zoom([i - 0.5, i - 0.5 + max - min]);
      if (i > max) this.zoom([i + 0.5 - (max - min), i + 0.5]);
      this.point(i);
    }

    // point moves the chart's own cursor to an order.
    point(i) {
      this.show(i);
      const first = this.at.findIndex((points) => points[i] && points[i].value != null);
      const top = first < 0 ? 0 : this.plot.valToPos(this.at[first][i].value, "y:" + this.data.series[first].metric.name);
      this.plot.setCursor({ left: this.plot.valToPos(i, "x"), top }, false);
    }

    open() {
      const p = this.at.map((points) => points[this.index]).find(Boolean);
      if (p) location.href = suite + p.run;
    }

    listen() {
      for (const place of [readout, why]) {
        place.addEventListener("click", (e) => {
          const link = e.target.closest("a[data-why], #why nav a");
          if (!link || e.ctrlKey || e.metaKey || e.shiftKey) return;
          e.preventDefault();
          explain(link.href);
        });
      }
      tools.addEventListener("click", (e) => {
        const button = e.target.closest("button[data-do]");
        if (button) this.do(button.dataset.do);
      });
      box.addEventListener("keydown", (e) => {
        if (e.ctrlKey || e.metaKey || e.altKey) return;
        const page = Math.max(1, Math.round((this.plot.scales.x.max - this.plot.scales.x.min) / 10));
        const keys = {
          ArrowLeft: () => this.step(-1), ArrowRight: () => this.step(1),
          PageUp: () => this.step(-page), PageDown: () => this.step(page),
          Home: () => this.step(-this.last - 1), End: () => this.step(this.last + 1),
          "+": () => this.do("in"), "=": () => this.do("in"), "-": () => this.do("out"),
          0: () => this.do("reset"), Escape: () => this.do("reset"), Enter: () => this.open(),
          w: () => { const link = readout.querySelector("a[data-why]"); if (link) explain(link.href); },
        };
        if (!keys[e.key]) return;
        e.preventDefault();
        keys[e.key]();
      });
      // A finger has no hover: a touch shows the order beneath it.
      box.addEventListener("pointerdown", (e) => {
        if (e.pointerType !== "touch") return;
        const left = e.clientX - this.plot.over.getBoundingClientRect().left;
        this.point(Math.max(0, Math.min(this.last, Math.round(this.plot.posToVal(left, "x")))));
      });
      new ResizeObserver(() => {
        if (box.clientWidth !== this.plot.width || box.clientHeight !== this.plot.height) {
          this.plot.setSize({ width: box.clientWidth, height: box.clientHeight });
        }
      }).observe(box);
      dark.addEventListener("change", () => {
        const { min, max } = this.plot.scales.x;
        this.build([min, max]);
      });
    }
  }
})();
