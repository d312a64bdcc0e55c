"use strict";
// The box in the head of every page: what the words may mean while they are typed. Without this script Enter asks the server.
(() => {
  const form = document.querySelector("form.find");
  const box = form?.querySelector("#find");
  if (!box) return;
  const list = Object.assign(document.createElement("ul"), { id: "found", className: "suggested", hidden: true });
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Found");
  form.append(list);
  for (const [name, value] of [["role", "combobox"], ["aria-expanded", "false"], ["aria-controls", "found"], ["aria-autocomplete", "list"]]) box.setAttribute(name, value);
  let at = -1;
  let asked = 0;
  let timer;

  const items = () => [...list.children];
  function close() {
    list.hidden = true;
    at = -1;
    box.setAttribute("aria-expanded", "false");
    box.removeAttribute("aria-activedescendant");
  }
  function mark(to) {
    const all = items();
    if (!all.length) return;
    at = (to + all.length) % all.length;
    all.forEach((item, i) => item.setAttribute("aria-selected", i === at));
    all[at].scrollIntoView({ block: "nearest" });
    box.setAttribute("aria-activedescendant", all[at].id);
  }
  function show(things) {
    list.replaceChildren(
      ...things.map((thing, i) => {
        const item = Object.assign(document.createElement("li"), { id: `found-${i}` });
        item.setAttribute("role", "option");
        const link = Object.assign(document.createElement("a"), { href: thing.address, tabIndex: -1 });
        link.append(Object.assign(document.createElement("b"), { textContent: thing.text }));
        link.append(Object.assign(document.createElement("span"), { className: "sub", textContent: [thing.kind, thing.place, thing.detail].filter(Boolean).join(" · ") }));
        item.append(link);
        return item;
      }),
    );
    list.hidden = things.length === 0;
    box.setAttribute("aria-expanded", String(!list.hidden));
    at = -1;
  }
  async function ask() {
    const mine = ++asked;
    const words = new URLSearchParams(new FormData(form));
    if (words.get("q").trim().length < 2) return close();
    try {
      const answer = await fetch(`${form.dataset.suggest}?${words}`, { credentials: "same-origin" });
      if (!answer.ok) return;
      const { things } = await answer.json();
      if (mine === asked && document.activeElement === box) show(things);
    } catch {
      // Enter still works.
    }
  }
  box.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(ask, 120);
  });
  box.addEventListener("keydown", (e) => {
    if (e.key === "Escape" && !list.hidden) {
      e.preventDefault();
      close();
    } else if ((e.key === "ArrowDown" || e.key === "ArrowUp") && !list.hidden) {
      e.preventDefault();
      mark(e.key === "ArrowDown" ? at + 1 : at < 0 ? -1 : at - 1);
    }
  });
  form.addEventListener("submit", (e) => {
    if (at < 0) return;
    e.preventDefault();
    location.assign(items()[at].querySelector("a").href);
  });
  box.addEventListener("blur", () => setTimeout(close, 200));
  document.addEventListener("keydown", (e) => {
    if (e.key !== "/" || e.ctrlKey || e.metaKey || e.altKey || e.target.closest?.("input, select, textarea, [contenteditable]")) return;
    e.preventDefault();
    box.focus();
    box.select();
  });
})();
