// Adds to the heat map: cells that say what they are and lead to the chart, by mouse and by arrow keys.
(function () {
  "use strict";
  const table = document.querySelector("table.heat");
  const readout = document.querySelector(".heat-readout");
  if (!table || !readout) return;
  const orders = Array.from(table.tHead.rows[0].cells).slice(1);
  const rows = Array.from(table.tBodies[0].rows);

  function cellOf(target) {
    const cell = target.closest && target.closest("td");
    return cell && table.contains(cell) ? cell : null;
  }
  function addressOf(cell) {
    const order = orders[cell.cellIndex - 1].dataset.order;
    return table.dataset.cell + cell.parentNode.dataset.test + "." + table.dataset.field + "&order=" + order;
  }
  function say(cell) {
    const order = orders[cell.cellIndex - 1].querySelector("a").title.replace("Run at ", "");
    const test = cell.parentNode.cells[0].textContent;
    readout.textContent = test + " at " + order + ": " + (cell.textContent || "no value");
  }
  let current = null;
  function choose(cell, focus) {
    if (current) current.tabIndex = -1;
    current = cell;
    cell.tabIndex = 0;
    if (focus) cell.focus();
    say(cell);
  }
  table.addEventListener("mouseover", function (e) {
    const cell = cellOf(e.target);
    if (cell) say(cell);
  });
  table.addEventListener("focusin", function (e) {
    const cell = cellOf(e.target);
    if (cell) say(cell);
  });
  table.addEventListener("click", function (e) {
    const cell = cellOf(e.target);
    if (cell && cell.textContent) window.location.assign(addressOf(cell));
  });
  table.addEventListener("keydown", function (e) {
    const cell = cellOf(e.target);
    if (!cell) return;
    const row = rows.indexOf(cell.parentNode);
    const column = cell.cellIndex;
    let next = null;
    if (e.key === "ArrowRight") next = cell.parentNode.cells[column + 1];
    else if (e.key === "ArrowLeft" && column > 1) next = cell.parentNode.cells[column - 1];
    else if (e.key === "ArrowDown" && row + 1 < rows.length) next = rows[row + 1].cells[column];
    else if (e.key === "ArrowUp" && row > 0) next = rows[row - 1].cells[column];
    else if (e.key === "Home") next = cell.parentNode.cells[1];
    else if (e.key === "End") next = cell.parentNode.cells[orders.length];
    else if (e.key === "Enter" && cell.textContent) return window.location.assign(addressOf(cell));
    else return;
    e.preventDefault();
    if (next) choose(next, true);
  });
  table.parentNode.scrollLeft = table.parentNode.scrollWidth; // the newest orders are on the right
  if (rows.length && orders.length) {
    current = rows[0].cells[orders.length];
    current.tabIndex = 0;
  }
})();
