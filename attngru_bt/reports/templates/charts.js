// Values under the pointer (or the arrow keys), and curves that can be switched off. The page is whole without it.
(() => {
  const decode = (path, n, low, high, log) => {
    // whole steps from point to point, as reports/chart.py writes them
    const values = new Array(n).fill(NaN);
    for (const part of path.getAttribute("d").split("M").slice(1)) {
      const numbers = part.match(/-?\d+/g).map(Number);
      let [x, y] = numbers;
      const put = () => {
        const up = 1 - y / 4000;
        values[Math.round(x / 10000 * n - .5)] = log ? low * (high / low) ** up : low + up * (high - low);
      };
      put();
      for (let i = 2; i + 1 < numbers.length; i += 2) { x += numbers[i]; y += numbers[i + 1]; put(); }
    }
    return values;
  };
  const write = (value, form) => {
    if (Number.isNaN(value)) return "–";
    const share = form[0] === "%", places = Number(form.replace("%", ""));
    const text = (share ? 100 * value : value).toFixed(places).replace(/^-(?=[0.]*$)/, "").replace("-", "\u2212");
    return text + (share ? "%" : "");
  };
  for (const plot of document.querySelectorAll(".plot[data-y]")) {
    const [kind, low, high] = plot.dataset.y.split(" ").map((part, i) => i ? Number(part) : part);
    let day = 0;
    const names = plot.dataset.days
      ? plot.dataset.days.split(" ").map(step => new Date((day += Number(step)) * 864e5).toISOString().slice(0, 10))
      : plot.dataset.names.split("|");
    const curves = [...plot.querySelectorAll("[data-name]")];
    const values = new Map();
    const of = curve => {
      if (!values.has(curve)) {
        values.set(curve, "v" in curve.dataset
          ? curve.dataset.v.split(" ").map(text => text === "" ? NaN : Number(text))
          : decode(curve, names.length, low, high, kind === "log"));
      }
      return values.get(curve);
    };
    const tip = document.createElement("div"), rule = document.createElement("div");
    tip.className = "tip"; rule.className = "rule"; tip.hidden = rule.hidden = true;
    plot.append(rule, tip);
    let at = names.length - 1;
    const show = () => {
      const left = (at + .5) / names.length;
      rule.style.left = `${100 * left}%`;
      tip.style.left = left < .5 ? `calc(${100 * left}% + 10px)` : "auto";
      tip.style.right = left < .5 ? "auto" : `calc(${100 - 100 * left}% + 10px)`;
      const title = document.createElement("b");
      title.textContent = names[at];
      tip.replaceChildren(title, ...curves.filter(curve => !curve.classList.contains("off")).map(curve => {
        const row = document.createElement("div"), key = document.createElement("i");
        key.className = curve.classList.value.replace(/line|bar/, "key");
        row.append(key, `${curve.dataset.name} `, write(of(curve)[at] ?? NaN, curve.dataset.form));
        return row;
      }));
      tip.hidden = rule.hidden = false;
    };
    const hide = () => { tip.hidden = rule.hidden = true; };
    plot.tabIndex = 0;
    plot.addEventListener("pointermove", event => {
      const box = plot.getBoundingClientRect();
      at = Math.max(0, Math.min(names.length - 1, Math.floor((event.clientX - box.left) / box.width * names.length)));
      show();
    });
    plot.addEventListener("pointerleave", hide);
    plot.addEventListener("blur", hide);
    plot.addEventListener("keydown", event => {
      const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -21, PageDown: 21 }[event.key];
      if (!step) return;
      event.preventDefault();
      at = Math.max(0, Math.min(names.length - 1, at + step));
      show();
    });
    for (const item of plot.parentElement.querySelectorAll(".legend li")) {
      const mine = curves.filter(curve => curve.dataset.name === item.textContent);
      if (!mine.length) continue;
      item.tabIndex = 0;
      item.setAttribute("role", "button");
      const toggle = () => [item, ...mine].forEach(part => part.classList.toggle("off"));
      item.addEventListener("click", toggle);
      item.addEventListener("keydown", event => { if (event.key === "Enter") toggle(); });
    }
  }
})();
