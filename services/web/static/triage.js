"use strict";
// Decisions about regressions. What is written goes to the REST side with the session's CSRF token; the page is then loaded again.
(() => {
  const $ = (selector, from = document) => from.querySelector(selector);
  const $$ = (selector, from = document) => [...from.querySelectorAll(selector)];
  const csrf = $('meta[name="csrf-token"]')?.content ?? "";
  const told = $("#told");
  const KEPT = "tidemark-told";

  async function send(method, address, body) {
    const answer = await fetch(address, {
      method,
      credentials: "same-origin",
      headers: { "Content-Type": "application/json", "X-CSRF-Token": csrf },
      body: JSON.stringify(body),
    });
    const said = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(said.error?.message ?? `The server answered ${answer.status}.`);
    return said;
  }

  function tell(text, undo) {
    if (!told) return;
    told.replaceChildren(Object.assign(document.createElement("span"), { textContent: text }));
    told.classList.toggle("bad", undo === false);
    if (undo) {
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: "Undo" });
      button.id = "undo-last";
      button.addEventListener("click", () => takeBack(undo.api, undo.seq, button));
      told.append(" ", button);
    }
    told.hidden = false;
  }

  // The page that follows tells what was done.
  function done(text, undo, to) {
    sessionStorage.setItem(KEPT, JSON.stringify({ text, undo }));
    if (to) location.assign(to);
    else location.reload();
  }

  async function attempt(button, act) {
    if (button) button.disabled = true;
    try {
      await act();
    } catch (err) {
      tell(`Nothing was changed: ${err.message}`, false);
      if (button) button.disabled = false;
    }
  }

  const takeBack = (api, seq, button) =>
    attempt(button, async () => {
      await send("POST", `${api}regressions/undo`, { seq: Number(seq) });
      done("Undone.");
    });

  const kept = sessionStorage.getItem(KEPT);
  if (kept && told) {
    sessionStorage.removeItem(KEPT);
    const { text, undo } = JSON.parse(kept);
    tell(text, undo);
  }
  for (const button of $$("button.undo")) button.addEventListener("click", () => takeBack(button.dataset.api, button.dataset.seq, button));

  // busy says that a key is meant for the browser or for a field.
  const busy = (e) => e.ctrlKey || e.metaKey || e.altKey || e.target.closest?.("input:not([type=checkbox]), select, textarea");
  // The list may be empty after everything on it was decided, and undoing must still be a key away.
  document.addEventListener("keydown", (e) => {
    if (e.key === "u" && !busy(e)) $("#undo-last")?.click();
  });

  const seqOf = (said) => said.event?.seq ?? said.seq;
  const many = (n) => (n === 1 ? "1 regression" : `${n} regressions`);

  // The board: rows with boxes, and what to do with those that are chosen.
  const board = $("#board");
  const bulk = $("#bulk");
  if (board) {
    const rows = $$("tbody tr", board);
    const boxes = $$("td.pick input", board);
    const all = $("#pick-all");
    const chosen = () => boxes.filter((box) => box.checked);
    let last = -1;
    const refresh = () => {
      const n = chosen().length;
      if (bulk) {
        bulk.hidden = n === 0;
        $("#chosen").textContent = n;
        $("#merge").disabled = n < 2;
      }
      if (all) {
        all.checked = n > 0 && n === boxes.length;
        all.indeterminate = n > 0 && n < boxes.length;
      }
      for (const box of boxes) box.closest("tr").classList.toggle("chosen", box.checked);
    };
    boxes.forEach((box, i) =>
      box.addEventListener("click", (e) => {
        if (e.shiftKey && last >= 0) for (let k = Math.min(i, last); k <= Math.max(i, last); k++) boxes[k].checked = box.checked;
        last = i;
        refresh();
      }),
    );
    const choose = (value) => {
      for (const box of boxes) box.checked = value;
      refresh();
    };
    all?.addEventListener("change", () => choose(all.checked));
    $("#none")?.addEventListener("click", () => choose(false));
    const api = board.dataset.api;
    const ids = () => chosen().map((box) => Number(box.value));
    bulk?.addEventListener("submit", (e) => {
      e.preventDefault();
      const state = bulk.elements.state;
      attempt($("button.first", bulk), async () => {
        const which = ids();
        const said = await send("POST", `${api}regressions/triage`, { ids: which, changes: { state: state.value }, note: bulk.elements.note.value });
        done(`${many(which.length)} set to ${state.selectedOptions[0].textContent}.`, { api, seq: seqOf(said) });
      });
    });
    $("#merge")?.addEventListener("click", (e) =>
      attempt(e.currentTarget, async () => {
        const which = ids();
        const said = await send("POST", `${api}regressions/merge`, { regressions: which, note: bulk.elements.note.value });
        done(`${many(which.length)} merged.`, { api, seq: seqOf(said) });
      }),
    );

    let at = -1;
    const move = (to) => {
      at = Math.max(0, Math.min(rows.length - 1, to));
      rows.forEach((row, i) => row.classList.toggle("here", i === at));
      rows[at].scrollIntoView({ block: "nearest" });
      $("a.name", rows[at]).focus({ preventScroll: true });
    };
    document.addEventListener("keydown", (e) => {
      if (busy(e)) return;
      const act = {
        j: () => move(at + 1),
        k: () => move(at - 1),
        x: () => at >= 0 && boxes[at]?.click(),
        a: () => boxes.length && choose(chosen().length < boxes.length),
        s: () => bulk && !bulk.hidden && bulk.elements.state.focus(),
      }[e.key];
      if (!act) return;
      e.preventDefault();
      act();
    });
    refresh();
  }

  // One regression.
  const decide = $("#decide");
  decide?.addEventListener("submit", (e) => {
    e.preventDefault();
    const fields = decide.elements;
    const words = (text) => text.split(",").map((word) => word.trim()).filter(Boolean);
    const body = {};
    for (const name of ["title", "owner", "bug"]) if (fields[name].value !== fields[name].defaultValue) body[name] = fields[name].value;
    if (![...fields.state.options].find((o) => o.defaultSelected)?.selected) body.state = fields.state.value;
    const before = words(decide.dataset.tags);
    const now = words(fields.tags.value);
    const add = now.filter((word) => !before.includes(word));
    const remove = before.filter((word) => !now.includes(word));
    if (add.length) body.add_tags = add;
    if (remove.length) body.remove_tags = remove;
    // A note alone is kept with the state as it is.
    if (fields.note.value && Object.keys(body).length === 0) body.state = fields.state.value;
    if (Object.keys(body).length === 0) {
      tell("Nothing is different from before.", false);
      return;
    }
    if (fields.note.value) body.note = fields.note.value;
    const { api, id } = decide.dataset;
    attempt($("button", decide), async () => {
      const said = await send("PATCH", `${api}regressions/${id}`, body);
      done("Saved.", { api, seq: seqOf(said) });
    });
  });

  const members = $("#member-table");
  const split = $("#split");
  if (members && split) {
    const boxes = $$("td.pick input", members);
    const chosen = () => boxes.filter((box) => box.checked);
    for (const box of boxes)
      box.addEventListener("change", () => {
        split.hidden = chosen().length === 0;
        $("#split-chosen").textContent = chosen().length;
      });
    split.addEventListener("submit", (e) => {
      e.preventDefault();
      const { api, id } = members.dataset;
      attempt($("button", split), async () => {
        const said = await send("POST", `${api}regressions/${id}/split`, { findings: chosen().map((box) => box.value), note: split.elements.note.value });
        done("Split off.", { api, seq: seqOf(said) });
      });
    });
  }
})();
