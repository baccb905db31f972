"use strict";
// Sorting: a click on a column's head orders the rows of its table by what the cell says first, and again turns it round.
for (const table of document.querySelectorAll("table")) {
  const body = table.tBodies[0];
  if (!table.tHead || !body || body.rows.length < 4) continue;
  const first = [...body.rows];
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const order = { none: "descending", descending: "ascending", ascending: "none" }[head.ariaSort || "none"];
      for (const other of heads) other.ariaSort = "none";
      head.ariaSort = order;
      body.append(...(order === "none" ? first : sorted(first, column, order === "ascending" ? 1 : -1)));
    });
  });
}

function sorted(rows, column, sign) {
  const keyed = rows.map((row) => [row, key(row.cells[column])]);
  const text = keyed.every(([, [value]]) => Number.isNaN(value));
  // What has no number stays below, in either order.
  keyed.sort(([, [a, x]], [, [b, y]]) =>
    text ? -sign * x.localeCompare(y) : Number.isNaN(a) || Number.isNaN(b) ? Number.isNaN(a) - Number.isNaN(b) : sign * (a - b),
  );
  return keyed.map(([row]) => row);
}

function key(cell) {
  const said = cell.dataset.sort || (cell.firstChild ? cell.firstChild.textContent.trim() : "");
  const plain = said.replace("−", "-").replaceAll(",", "").replace(/^< /, "");
  return [/^[-+]?[\d.]/.test(plain) ? parseFloat(plain) : NaN, cell.textContent.trim()];
}

// A table that fits its frame needs no scrolling of its own, so its head can stay in sight as the page scrolls.
const frames = new ResizeObserver((entries) => {
  for (const { target } of entries) fit(target);
});
for (const frame of document.querySelectorAll(".scroll")) frames.observe(frame);

function fit(frame) {
  const table = frame.querySelector("table");
  if (table) frame.classList.toggle("fits", table.offsetWidth <= frame.clientWidth + 1);
}
