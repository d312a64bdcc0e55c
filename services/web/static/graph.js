// The charts of one or more series: orders along the bottom in the order of their
// commits or by date, a line through the value of each order, a dot per sample, the
// spread, lines that follow the values, and a mark where the level changed. Several
// charts have one cursor and one range.
"use strict";
(() => {
  const box = document.getElementById("chart");
  const message = document.getElementById("chart-message");
  if (!box || !window.uPlot) return;
  const tools = document.getElementById("chart-tools");
  const readout = document.getElementById("readout");
  const suite = box.dataset.suite;
  const logarithmic = !!box.dataset.log, byDate = !!box.dataset.date;
  const boxes = [...box.querySelectorAll(".chart")];
  const dashes = [[], [7, 4], [2, 3], [9, 3, 2, 3]];
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
      say([...new Set(data.series.map((line) => line.note || "There are no values to draw yet."))].join(" "));
      return;
    }
    say("");
    for (const button of tools.querySelectorAll("button")) button.disabled = false;
    // A unit that a relative value does not have is still that of its line.
    for (const line of data.series) line.unit = line.metric.own_unit ?? line.metric.unit;
    new Charts(data);
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

  class Charts {
    constructor(data) {
      this.data = data;
      this.last = data.orders.length - 1;
      // points by position, so that the cursor finds them without searching
      this.at = data.series.map((line) => {
        const found = new Array(data.orders.length).fill(null);
        for (const p of line.points) found[p.at] = p;
        return found;
      });
      // where each order is on the axis: its number, or its time in seconds
      this.xs = data.orders.map((o, i) => (byDate ? Date.parse(o.at) / 1000 || 0 : i));
      this.panels = boxes.map((element, n) => ({ element, n, lines: data.series.map((line, i) => [line, i]).filter(([line]) => line.panel === n) }));
      this.index = null;
      this.marked = data.orders.findIndex((o) => String(o.id) === box.dataset.order);
      this.build(this.wanted());
      this.listen();
      this.show(this.marked >= 0 ? this.marked : this.last);
    }

    // x is where a position is, also one between two orders.
    x(i) {
      const lo = Math.max(0, Math.min(this.last, Math.floor(i))), hi = Math.min(this.last, lo + 1);
      if (!byDate) return i;
      return this.xs[lo] + (this.xs[hi] - this.xs[lo]) * Math.max(0, Math.min(1, i - lo));
    }

    // nearest is the order closest to a place on the axis.
    nearest(x) {
      let lo = 0, hi = this.last;
      while (hi - lo > 1) {
        const middle = (lo + hi) >> 1;
        if (this.xs[middle] > x) hi = middle; else lo = middle;
      }
      return Math.abs(this.xs[lo] - x) <= Math.abs(this.xs[hi] - x) ? lo : hi;
    }

    // wanted is the range the address asks for, by order ids.
    wanted() {
      const asked = new URLSearchParams(location.search);
      const find = (name) => this.data.orders.findIndex((o) => String(o.id) === asked.get(name));
      const from = find("from"), to = find("to");
      return from >= 0 && to > from ? [this.xs[from] - this.room(), this.xs[to] + this.room()] : null;
    }

    // room is what is left free beside the first and the last order.
    room() { return byDate ? Math.max(3600, (this.xs[this.last] - this.xs[0]) * 0.01) : 0.5; }

    build(range) {
      this.colour = {
        text: css("--muted"), grid: css("--grid"), surface: css("--surface"), accent: css("--accent"),
        bad: css("--bad"), good: css("--good"), line: this.data.series.map((_, i) => css("--s" + (i % 8))),
      };
      this.gutter = 0;
      for (const panel of this.panels) this.buildPanel(panel);
      const [lo, hi] = range || this.whole();
      this.setRange(lo, hi);
    }

    buildPanel(panel) {
      const { colour } = this;
      const metric = panel.lines[0] ? panel.lines[0][0].metric : { name: "", title: "", unit: "" };
      const font = "12px " + getComputedStyle(document.body).fontFamily;
      const axis = { stroke: colour.text, font, labelFont: font, ticks: { show: false }, grid: { stroke: colour.grid, width: 1 } };
      const tall = panel.element.clientHeight;
      const options = {
        width: panel.element.clientWidth, height: tall,
        scales: {
          x: { time: byDate, range: (u, lo, hi) => this.rangeX(lo, hi) },
          y: logarithmic ? { distr: 3, log: 10, range: (u) => this.rangeY(u, panel) } : { range: (u) => this.rangeY(u, panel) },
        },
        tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1e3), "Etc/UTC"),
        padding: [18, 12, 0, 0],
        legend: { show: false },
        cursor: {
          drag: { x: true, y: false, setScale: true, dist: 5 },
          y: false,
          points: { size: 9, width: 2, fill: () => colour.surface, stroke: (u, i) => colour.line[panel.lines[i - 1][1]] },
          bind: { dblclick: () => () => { clearTimeout(this.asking); this.zoom(null); return null; } },
        },
        series: [{}, ...panel.lines.map(([, i]) => ({
          scale: "y", stroke: colour.line[i], width: box.dataset.noLine ? 0 : 1.75, dash: dashes[(i >> 3) % 4], spanGaps: true, points: { show: false },
          paths: box.dataset.noLine ? () => null : undefined,
        }))],
        axes: [
          byDate ? { ...axis, space: 90, size: 34, gap: 8,
            values: (u, splits, n, space, step) => splits.map((v) => { const iso = new Date(v * 1e3).toISOString(); return step >= 86400 ? iso.slice(0, 10) : iso.slice(5, 16).replace("T", " "); }) } : { ...axis, space: 90, size: 34, gap: 8, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000],
            values: (u, splits) => splits.map((i) => (this.data.orders[i] ? clip(this.data.orders[i].name, 12) : "")) },
          {
            ...axis, scale: "y", side: 3, gap: 6,
            size: (u, values) => this.gutterFor(this.axisWidth(u, values, font)),
            ...(logarithmic ? { splits: (u, n, lo, hi) => this.logSplits(lo, hi), filter: (u, splits) => splits } : {}),
            values: (u, splits) => this.ticks(metric, splits),
          },
        ],
        hooks: {
          drawClear: [(u) => this.drawBehind(u, panel)],
          draw: [(u) => this.drawFront(u, panel)],
          setCursor: [(u) => { if (!this.following && u.cursor.idx != null && u.cursor.left >= 0) { this.show(u.cursor.idx, true); this.follow(panel); } }],
          setScale: [(u, key) => { if (key === "x" && u === panel.plot) this.spread(panel); }],
        },
      };
      const positive = (v) => (logarithmic && !(v > 0) ? null : v);
      const ys = panel.lines.map(([, i]) => this.at[i].map((p) => (p && p.value != null ? positive(p.value) : null)));
      if (panel.plot) panel.plot.destroy();
      panel.plot = new uPlot(options, [this.xs, ...ys], panel.element);
      panel.links = panel.links || document.createElement("div");
      panel.links.className = "marks";
      panel.plot.over.append(panel.links);
    }

    get plot() { return this.panels[0].plot; }

    whole() { return [this.xs[0] - this.room(), this.xs[this.last] + this.room()]; }

    // rangeX keeps at least two orders in sight and never leaves the data.
    rangeX(lo, hi) {
      const [least, most] = this.whole();
      if (lo == null || hi == null) return [least, most];
      const narrow = 2 * (byDate ? Math.max(60, (most - least) / 1e4) : 1);
      if (hi - lo < narrow) { const middle = (lo + hi) / 2; lo = middle - narrow / 2; hi = middle + narrow / 2; }
      if (lo < least) { hi += least - lo; lo = least; }
      if (hi > most) { lo -= hi - most; hi = most; }
      return [Math.max(least, lo), hi];
    }

    // rangeY covers every sample in sight, failed ones too, the spread, and the levels of findings and baselines.
    rangeY(u, panel) {
      const [from, to] = this.rangeX(u.scales.x.min, u.scales.x.max);
      let lo = Infinity, hi = -Infinity;
      const take = (v) => { if (v == null || (logarithmic && !(v > 0))) return; if (v < lo) lo = v; if (v > hi) hi = v; };
      for (const [line] of panel.lines) {
        for (const p of line.points) {
          if (this.xs[p.at] < from || this.xs[p.at] > to) continue;
          take(p.value); take(p.low); take(p.high);
          if (!box.dataset.noSamples) for (const [v] of p.samples) take(v);
        }
        for (const b of line.baselines) take(b.value);
        for (const f of line.findings) {
          if (this.xs[f.at] >= from && this.xs[f.at] <= to) { take(f.before); take(f.after); }
        }
      }
      if (lo > hi) return logarithmic ? [1, 10] : [0, 1];
      if (logarithmic) { const room = Math.max(1.02, (hi / lo) ** 0.08); return [lo / room, hi * room]; }
      const room = (hi - lo) * 0.08 || Math.abs(hi) * 0.05 || 1;
      return [lo >= 0 ? Math.max(0, lo - room) : lo - room, hi + room];
    }

    // logSplits are round numbers: powers of ten with what is between them, or even steps where the range is small.
    logSplits(lo, hi) {
      const out = [];
      if (hi / lo < 8) {
        const rough = (hi - lo) / 5, size = 10 ** Math.floor(Math.log10(rough));
        const step = size * [1, 2, 5, 10].find((n) => n * size >= rough);
        for (let v = Math.ceil(lo / step) * step; v <= hi; v += step) out.push(v);
        return out;
      }
      const inside = hi / lo < 1e3 ? [1, 2, 5] : [1];
      for (let e = Math.floor(Math.log10(lo)); e <= Math.log10(hi); e++) {
        for (const n of inside) { const v = n * 10 ** e; if (v >= lo && v <= hi) out.push(v); }
      }
      return out;
    }

    ticks(metric, splits) {
      const most = Math.max(...splits.map(Math.abs));
      const s = scaleOf(metric, most);
      const least = splits.length > 1 ? Math.min(...splits.slice(1).map((v, i) => Math.abs(v - splits[i]))) : 0;
      const step = least / s.by || 1;
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

    // gutterFor makes the left edges of all charts one.
    gutterFor(width) {
      if (width > this.gutter) {
        this.gutter = width;
        if (this.panels.length > 1) queueMicrotask(() => this.panels.forEach(({ plot }) => plot && plot.redraw(false, true)));
      }
      return this.gutter;
    }

    // follow moves the cursors of the other charts to where the one of this chart is.
    follow(from) {
      this.following = true;
      for (const panel of this.panels) {
        if (panel === from) continue;
        const left = panel.plot.valToPos(this.xs[this.index], "x");
        panel.plot.setCursor({ left, top: this.topOf(panel) }, false);
      }
      this.following = false;
    }

    topOf(panel) {
      const first = panel.lines.find(([, i]) => this.at[i][this.index] && this.at[i][this.index].value != null);
      return first ? panel.plot.valToPos(this.at[first[1]][this.index].value, "y") : 0;
    }

    // spread gives the range of one chart to the others, unless they have it.
    spread(from) {
      const { min, max } = from.plot.scales.x;
      if (this.range && this.range[0] === min && this.range[1] === max) return;
      this.range = [min, max];
      for (const panel of this.panels) if (panel !== from) panel.plot.setScale("x", { min, max });
      this.remember();
    }

    setRange(lo, hi) {
      const [min, max] = this.range = this.rangeX(lo, hi);
      for (const { plot } of this.panels) plot.setScale("x", { min, max });
      this.remember();
      if (this.index != null) queueMicrotask(() => this.follow(null));
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

    // drawBehind draws what the line goes over: the order that the address points at, spreads, baselines.
    drawBehind(u, panel) {
      this.inPlot(u, (ctx, left, top, width, height, ratio) => {
        if (this.marked >= 0) {
          const a = u.valToPos(this.x(this.marked - 0.5), "x", true), b = u.valToPos(this.x(this.marked + 0.5), "x", true);
          const middle = (a + b) / 2, half = Math.max((b - a) / 2, 4 * ratio);
          ctx.fillStyle = this.colour.accent;
          ctx.globalAlpha = 0.11;
          ctx.fillRect(middle - half, top, 2 * half, height);
          ctx.globalAlpha = 1;
        }
        for (const [line, i] of panel.lines) {
          this.drawBand(u, ctx, line, i, ratio);
          for (const b of line.baselines) this.drawBaseline(u, ctx, b, i, left, width, ratio);
        }
      });
    }

    // drawBand fills the spread from order to order, and has a bar where there is none beside it.
    drawBand(u, ctx, line, i, ratio) {
      const y = (v) => u.valToPos(logarithmic ? Math.max(v, u.scales.y.min) : v, "y", true);
      const { min, max } = u.scales.x;
      let run = [];
      const flush = () => {
        if (!run.length) return;
        ctx.fillStyle = ctx.strokeStyle = this.colour.line[i];
        if (run.length === 1) {
          ctx.globalAlpha = 0.5;
          ctx.lineWidth = 2 * ratio;
          const x = u.valToPos(this.xs[run[0].at], "x", true);
          ctx.beginPath(); ctx.moveTo(x, y(run[0].low)); ctx.lineTo(x, y(run[0].high)); ctx.stroke();
        } else {
          ctx.globalAlpha = 0.16;
          ctx.beginPath();
          run.forEach((p) => ctx.lineTo(u.valToPos(this.xs[p.at], "x", true), y(p.high)));
          run.slice().reverse().forEach((p) => ctx.lineTo(u.valToPos(this.xs[p.at], "x", true), y(p.low)));
          ctx.closePath(); ctx.fill();
        }
        ctx.globalAlpha = 1;
        run = [];
      };
      line.points.forEach((p, n) => {
        const near = (q) => q && this.xs[q.at] >= min && this.xs[q.at] <= max;
        if (!near(p) && !near(line.points[n - 1]) && !near(line.points[n + 1])) return;
        if (p.low == null) flush(); else run.push(p);
      });
      flush();
    }

    drawBaseline(u, ctx, baseline, i, left, width, ratio) {
      if (logarithmic && !(baseline.value > 0)) return;
      const y = u.valToPos(baseline.value, "y", true);
      ctx.strokeStyle = ctx.fillStyle = this.colour.line[i];
      ctx.lineWidth = 1.5 * ratio;
      ctx.setLineDash([10 * ratio, 4 * ratio]);
      ctx.beginPath(); ctx.moveTo(left, y); ctx.lineTo(left + width, y); ctx.stroke();
      ctx.setLineDash([]);
      ctx.font = 11 * ratio + "px " + getComputedStyle(document.body).fontFamily;
      ctx.textAlign = "right"; ctx.textBaseline = "bottom";
      ctx.fillText(clip(baseline.title, 40), left + width - 4 * ratio, y - 2 * ratio);
    }

    drawFront(u, panel) {
      panel.links.replaceChildren();
      this.inPlot(u, (ctx, left, top, width, height, ratio) => {
        if (!box.dataset.noSamples) panel.lines.forEach(([line, i]) => this.drawSamples(u, ctx, line, i, ratio));
        panel.lines.forEach(([line, i]) => this.drawDerived(u, ctx, line, i, ratio));
        const labels = [];
        panel.lines.forEach(([line]) => this.drawFindings(u, ctx, line, top, height, ratio, labels, panel));
      });
    }

    // drawDerived draws the lines that follow the values, each kind with dashes of its own.
    drawDerived(u, ctx, line, i, ratio) {
      const kinds = { average: [], median: [6, 3], best: [2, 2], trend: [12, 4] };
      for (const d of line.derived) {
        ctx.strokeStyle = d.kind === "trend" || d.kind === "best" ? this.colour.text : this.colour.line[i];
        ctx.lineWidth = (d.kind === "average" || d.kind === "median" ? 3 : 1.75) * ratio;
        ctx.globalAlpha = 0.75;
        ctx.setLineDash(kinds[d.kind].map((n) => n * ratio));
        ctx.lineJoin = "round";
        ctx.beginPath();
        d.points.forEach(([at, v]) => {
          if (logarithmic && !(v > 0)) return;
          ctx.lineTo(u.valToPos(this.xs[at], "x", true), u.valToPos(v, "y", true));
        });
        ctx.stroke();
        ctx.setLineDash([]);
        ctx.globalAlpha = 1;
      }
    }

    drawSamples(u, ctx, line, i, ratio) {
      const { min, max } = u.scales.x;
      const room = u.bbox.width / Math.max(1, byDate ? this.nearest(max) - this.nearest(min) : max - min);
      const radius = Math.max(1.1, Math.min(2.6, room / ratio / 5)) * ratio;
      for (const p of line.points) {
        if (this.x(p.at + 1) < min || this.x(p.at - 1) > max) continue;
        const x = u.valToPos(this.xs[p.at], "x", true);
        for (const [v, , failed] of p.samples) {
          if (logarithmic && !(v > 0)) continue;
          const y = u.valToPos(v, "y", true);
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
    drawFindings(u, ctx, line, top, height, ratio, labels, panel) {
      const reach = Math.max(4, Math.round(this.data.orders.length / 12));
      line.findings.forEach((f, i) => {
        const colour = f.kind === "regression" ? this.colour.bad : this.colour.good;
        const edge = (f.from + f.at) / 2;
        const x = u.valToPos(this.x(edge), "x", true);
        const floor = (v) => (logarithmic ? Math.max(v, u.scales.y.min) : v);
        const before = u.valToPos(floor(f.before), "y", true), after = u.valToPos(floor(f.after), "y", true);
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
        ctx.moveTo(u.valToPos(this.x(Math.max(earlier, edge - reach)), "x", true), before); ctx.lineTo(x, before);
        ctx.moveTo(x, after); ctx.lineTo(u.valToPos(this.x(Math.min(later, edge + reach)), "x", true), after);
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
        this.mark(u, panel, line, f, (fits ? x - 8 * ratio : x - wide) / ratio - u.bbox.left / ratio, (y - top) / ratio, wide / ratio + 8);
      });
    }

    // mark lays a link over the label of a change: to its regression, else to what the detector says.
    mark(u, panel, line, f, left, middle, width) {
      const order = this.data.orders[f.at];
      if (left + width < 0 || left > u.over.clientWidth) return;
      const link = document.createElement("a");
      link.href = this.linkOf(line, f);
      link.className = "mark";
      link.title = f.regression ? "Regression " + f.regression : "Why there is a change here";
      link.setAttribute("aria-label", percent(f.effect) + " " + f.kind + " at " + order.name + " on " + line.machine.name + (f.regression ? ", regression " + f.regression : ""));
      Object.assign(link.style, { left: left + "px", top: middle - 9 + "px", width: width + "px" });
      panel.links.append(link);
    }

    linkOf(line, f) {
      return f.regression ? suite + "regressions/" + f.regression : this.whyOf(line, this.data.orders[f.at]);
    }

    // A chart that is pinned asks about what it shows.
    whyOf(line, order) {
      return suite + "why?plot.0=" + line.plot + "&order=" + order.id + (this.data.pinned ? "&as_of=" + this.data.position : "");
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
        add(row, "span", "").className = "swatch s" + (s % 8) + " d" + ((s >> 3) % 4);
        add(row, "b", p.value == null ? "failed" : number(line.metric, p.value));
        const own = { ...line.metric, unit: line.unit };
        if (p.value != null && line.reference != null) add(row, "span", " = " + number(own, p.value * line.reference)).className = "sub";
        if (p.low != null) add(row, "span", " [" + number(line.metric, p.low) + " to " + number(line.metric, p.high) + "]").className = "sub";
        const before = this.before(s, i);
        if (p.value != null && before) add(row, "span", " " + percent((p.value - before) / before)).className = "sub";
        const failed = p.samples.filter((v) => v[2]).length;
        const what = [p.samples.length > 1 ? line.aggregate + " of " + p.samples.length : "", failed ? failed + " failed" : ""].filter(Boolean).join(", ");
        add(row, "span", " " + this.nameOf(line) + (what ? "(" + what + ") " : "")).className = "sub";
        add(row, "a", "run " + p.run, suite + p.run);
        if (p.value != null && line.test.id) {
          add(row, "span", " · ").className = "sub";
          const why = add(row, "a", "why, why not?", this.whyOf(line, order));
          why.dataset.why = "";
          why.setAttribute("aria-label", "why, why not? The change, or none, at " + order.name + " on " + line.machine.name);
        }
        lines.push(row);
      });
      for (const line of this.data.series) {
        for (const f of line.findings) {
          if (f.at !== i) continue;
          const row = document.createElement("p");
          add(row, "span", (f.after > f.before ? "▲ " : "▼ ") + percent(f.effect) + " " + f.kind).className = f.kind === "regression" ? "bad" : "good";
          add(row, "span", " " + number(line.metric, f.before) + " → " + number(line.metric, f.after) + " " + this.nameOf(line)).className = "sub";
          if (f.regression) add(row, "a", "regression " + f.regression, this.linkOf(line, f));
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

    // nameOf is what tells a line from the others.
    nameOf(line) {
      const all = this.data.series, first = all[0], parts = [];
      if (all.some((l) => l.machine.id !== first.machine.id)) parts.push(line.machine.name);
      if (all.some((l) => l.test.id !== first.test.id)) parts.push(clip(line.test.name, 60));
      if (all.some((l) => l.metric.name !== first.metric.name)) parts.push(line.metric.title);
      return parts.length ? parts.join(", ") + " " : "";
    }

    zoom(range) { this.setRange(...(range || this.whole())); }

    // remember puts the range into the address, so that it can be sent to someone, and into what leaves this page with it.
    remember() {
      const [min, max] = this.range;
      const [least, most] = this.whole();
      box.dataset.shown = min + " " + max;
      const inside = this.xs.flatMap((x, i) => (x >= min && x <= max ? [i] : []));
      const part = (min > least || max < most) && inside.length > 0;
      const ends = part ? { from: this.data.orders[inside[0]].id, to: this.data.orders[inside[inside.length - 1]].id } : { from: "", to: "" };
      const put = (address) => {
        for (const [name, id] of Object.entries(ends)) {
          if (id === "") address.searchParams.delete(name); else address.searchParams.set(name, id);
        }
        return address.href;
      };
      const address = put(new URL(location.href));
      if (address !== location.href) history.replaceState(null, "", address);
      const link = document.getElementById("permalink");
      if (link) {
        const pinned = new URL(link.href);
        pinned.searchParams.set("as_of", this.data.position);
        link.href = put(pinned);
      }
      for (const form of document.querySelectorAll("#options, #finder")) {
        for (const [name, id] of Object.entries(ends)) {
          let field = form.querySelector('input[type="hidden"][name="' + name + '"]');
          if (!field) { field = document.createElement("input"); field.type = "hidden"; field.name = name; form.append(field); }
          field.value = id;
          field.disabled = id === "";
        }
      }
    }

    do(what) {
      const [min, max] = this.range;
      const [least, most] = this.whole();
      const width = max - min;
      const here = this.index != null ? this.xs[this.index] : null;
      const middle = here != null && here >= min && here <= max ? here : (min + max) / 2;
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
      const [min, max] = this.range, x = this.xs[i], room = this.room();
      if (x < min) this.zoom([x - room, x - room + max - min]);
      if (x > max) this.zoom([x + room - (max - min), x + room]);
      this.point(i);
    }

    // point moves the charts' own cursors to an order.
    point(i) {
      this.show(i);
      // after the charts have taken a new range
      queueMicrotask(() => this.follow(null));
    }

    open() {
      const p = this.at.map((points) => points[this.index]).find(Boolean);
      if (p) location.href = suite + p.run;
    }

    // ask explains the value that is closest to where was clicked, a moment later: it may be the first of two clicks.
    ask(panel, e) {
      clearTimeout(this.asking);
      if (this.index == null || e.detail > 1) return;
      const top = e.clientY - panel.plot.over.getBoundingClientRect().top;
      const near = panel.lines.filter(([line, i]) => line.test.id && this.at[i][this.index]?.value != null)
        .map(([line, i]) => [Math.abs(panel.plot.valToPos(this.at[i][this.index].value, "y") - top), line]).sort((a, b) => a[0] - b[0])[0];
      if (!near) return;
      const address = this.whyOf(near[1], this.data.orders[this.index]);
      this.asking = setTimeout(() => explain(address), 300);
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
        if (e.ctrlKey || e.metaKey || e.altKey || e.target !== box) return;
        const [min, max] = this.range;
        const page = Math.max(1, Math.round((this.nearest(max) - this.nearest(min)) / 10));
        const keys = {
          ArrowLeft: () => (e.shiftKey ? this.do("left") : this.step(-1)), ArrowRight: () => (e.shiftKey ? this.do("right") : this.step(1)),
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
      for (const panel of this.panels) {
        let from = null;
        // A finger has no hover: a touch shows the order beneath it.
        panel.element.addEventListener("pointerdown", (e) => {
          from = e.target.closest("a") ? null : [e.clientX, e.clientY];
          if (e.pointerType !== "touch") return;
          const left = e.clientX - panel.plot.over.getBoundingClientRect().left;
          this.point(this.nearest(panel.plot.posToVal(left, "x")));
        });
        panel.element.addEventListener("click", (e) => {
          if (!from || Math.hypot(e.clientX - from[0], e.clientY - from[1]) > 4 || !e.target.closest(".u-over")) return;
          this.ask(panel, e);
        });
      }
      const sized = new ResizeObserver(() => {
        for (const { element, plot } of this.panels) {
          if (element.clientWidth !== plot.width || element.clientHeight !== plot.height) plot.setSize({ width: element.clientWidth, height: element.clientHeight });
        }
      });
      for (const { element } of this.panels) sized.observe(element);
      dark.addEventListener("change", () => this.build(this.range));
    }
  }
})();

// The search for more lines: what it finds comes while the words are typed.
(() => {
  const form = document.getElementById("finder");
  const found = document.getElementById("found");
  if (!form || !found) return;
  let waiting = 0, asked = "";
  const ask = () => {
    const address = form.getAttribute("action").replace(/#.*/, "") + "?" + new URLSearchParams(new FormData(form)) + "&part=found";
    asked = address;
    fetch(address, { headers: { Accept: "text/html" } })
      .then(async (answer) => {
        if (!answer.ok) throw new Error(answer.status);
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        if (asked === address) found.replaceChildren(...page.body.childNodes);
      })
      // the form itself shows what is wrong
      .catch(() => {});
  };
  form.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(ask, 200); });
})();
