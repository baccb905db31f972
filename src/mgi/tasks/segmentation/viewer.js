"use strict";
// The slice viewer: one patient at a time, its picture moved to a slice, its masks drawn from the paths beside it.
for (const viewer of document.querySelectorAll(".viewer")) {
  const choice = viewer.querySelector("select");
  const boxes = [...viewer.querySelectorAll("input[type=checkbox]")];
  const cases = [...viewer.querySelectorAll(".case")];
  for (const one of cases) {
    const { across, rows, cols } = one.dataset;
    const masks = JSON.parse(one.querySelector("script").textContent);
    const slider = one.querySelector("input[type=range]");
    const draw = () => {
      const slice = slider.value - 1;
      const picture = one.querySelector("image");
      picture.setAttribute("x", -cols * (slice % across));
      picture.setAttribute("y", -rows * Math.floor(slice / across));
      one.querySelector("output").value = slider.value;
      for (const { value, checked } of boxes) {
        const path = one.querySelector(`[data-mask="${CSS.escape(value)}"]`);
        path.setAttribute("d", (checked && masks[value] && masks[value][slice]) || "");
      }
    };
    const step = (by) => {
      const before = slider.value;
      slider.value = +before + by;
      draw();
      return slider.value !== before;
    };
    slider.addEventListener("input", draw);
    // At the first and the last slice the wheel moves the page again.
    one.querySelector("svg").addEventListener("wheel", (event) => step(event.deltaY < 0 ? 1 : -1) && event.preventDefault(), { passive: false });
    one.querySelector("svg").addEventListener("keydown", (event) => {
      const by = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1 }[event.key];
      if (by && step(by)) event.preventDefault();
    });
    for (const box of boxes) box.addEventListener("change", draw);
    draw();
  }
  choice.addEventListener("change", () => {
    for (const one of cases) one.hidden = one.dataset.patient !== choice.value;
  });
}
