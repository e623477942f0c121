(() => {
  // All that is here stands in the page without a script, but for copying and looking up.
  for (const pre of document.querySelectorAll("pre")) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Copy";
    button.addEventListener("click", () => {
      const selected = getSelection();
      selected.selectAllChildren(pre);
      const said = () => { button.textContent = "Copied"; };
      if (navigator.clipboard) navigator.clipboard.writeText(pre.textContent).then(said, () => document.execCommand("copy") && said());
      else if (document.execCommand("copy")) said();
    });
    pre.after(button);
  }
  const table = document.getElementById("requests");
  if (!table) return;
  const label = document.createElement("label");
  const input = document.createElement("input");
  const count = document.createElement("p");
  label.textContent = "Request id, or how it begins ";
  input.type = "search";
  input.autocomplete = "off";
  label.append(input);
  count.setAttribute("role", "status");
  table.closest(".wide").before(label, count);
  const rows = [...table.tBodies[0].rows];
  input.addEventListener("input", () => {
    const wanted = input.value.trim();
    let shown = 0;
    for (const row of rows) {
      row.hidden = !row.cells[0].textContent.startsWith(wanted);
      shown += row.hidden ? 0 : 1;
    }
    count.textContent = wanted ? shown + " of " + rows.length + " requests" : "";
  });
})();
