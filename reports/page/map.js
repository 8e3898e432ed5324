// The heat map: which point met which fault on which side, and the worst that came of it.

const inMap = (one) => one.faults.length === 1;

function columnsOf(list) {
  const kinds = new Map();
  for (const one of list) {
    const fault = one.faults[0];
    if (!kinds.has(fault.kind)) kinds.set(fault.kind, new Set());
    kinds.get(fault.kind).add(fault.side);
  }
  const columns = [];
  for (const [kind, sides] of kinds) {
    const ordered = sideOrder.filter((side) => sides.has(side));
    ordered.forEach((side, index) => columns.push({kind, side, span: index === 0 ? ordered.length : 0}));
  }
  return columns;
}

function cellsOf(list) {
  const cells = new Map();
  for (const one of list) {
    const key = JSON.stringify([one.point, one.faults[0].kind, one.faults[0].side]);
    if (!cells.has(key)) cells.set(key, []);
    cells.get(key).push(one);
  }
  return cells;
}

const worstOf = (list) => list.reduce((worst, one) =>
  badness.get(one.verdict) < badness.get(worst) ? one.verdict : worst, 'pass');
const cellName = (point, column) => `${column.kind} on ${column.side} at ${point}`;

function cellButton(point, column, list) {
  const worst = worstOf(list);
  const count = list.length === 1 ? '1 case' : list.length + ' cases';
  const button = h('button', {type: 'button', class: `v-${worst}${list.length > 1 ? ' many' : ''}`, tabindex: -1,
    'aria-label': `${cellName(point, column)}: ${worst}, ${count}`,
    click: () => {
      hideTip();
      if (list.length === 1) location.hash = caseLink(list[0].id);
      else showList({point, kind: column.kind, side: column.side});
    }}, icon(worst), list.length > 1 ? list.length : null);
  tipOf(button, `${cellName(point, column)}\n${worst}, ${count}\n${list.find((one) => one.verdict === worst).headline}`);
  return button;
}

function mapHead(columns) {
  const kinds = h('tr', {}, h('td'));
  const sides = h('tr', {}, h('td'));
  for (const column of columns) {
    if (column.span > 0) {
      kinds.append(h('td', {class: 'gap'}),
        h('th', {scope: 'colgroup', colspan: column.span, class: 'kind'}, h('span', {}, column.kind)));
      sides.append(h('td', {class: 'gap'}));
    }
    sides.append(h('th', {scope: 'col', class: 'side'},
      h('span', {'aria-hidden': 'true', title: column.side}, column.side[0].toUpperCase()),
      h('span', {class: 'unseen'}, column.side)));
  }
  return h('thead', {}, kinds, sides);
}

function drawMap() {
  const list = cases.filter(inMap);
  const box = byId('map-scroller');
  if (list.length === 0) {
    byId('map-note').textContent = 'No single-fault case was run, so there is nothing to show here.';
    return;
  }
  byId('map-note').textContent = 'Rows in the order in which a migration passes them; S source, C channel, ' +
    'D destination. A cell shows its worst verdict and opens its case; arrow keys move between cells.';
  const columns = columnsOf(list);
  const cells = cellsOf(list);
  const gaps = columns.filter((column) => column.span > 0).length;
  const body = h('tbody');
  let phase = '';
  for (const point of data.points) {
    const row = columns.map((column) => cells.get(JSON.stringify([point, column.kind, column.side])));
    if (row.every((found) => !found)) continue;
    const slash = point.indexOf('/');
    if (point.slice(0, slash) !== phase) {
      phase = point.slice(0, slash);
      const about = data.phases.find((known) => known.name === phase);
      body.append(h('tr', {class: 'phase'}, h('th', {scope: 'rowgroup', colspan: columns.length + gaps + 1},
        h('span', {}, phase, about ? h('small', {}, about.sentence) : null))));
    }
    const line = h('tr', {}, h('th', {scope: 'row', class: 'point'}, h('div', {}, point.slice(slash + 1))));
    columns.forEach((column, index) => {
      if (column.span > 0) line.append(h('td', {class: 'gap'}));
      line.append(h('td', {}, row[index] ? cellButton(point, column, row[index])
        : h('span', {class: 'none', title: 'not part of this run'}, '·')));
    });
    body.append(line);
  }
  box.replaceChildren(h('table', {class: 'heat', 'aria-labelledby': 'map-title'}, mapHead(columns), body));
  moveByArrows(box);
}

// One tab stop for the whole map; arrows move inside it.
function moveByArrows(box) {
  const rows = [...box.querySelectorAll('tbody tr:not(.phase)')].map((row) =>
    [...row.querySelectorAll('td:not(.gap)')].map((cell) => cell.querySelector('button')));
  const first = box.querySelector('button');
  if (first) first.tabIndex = 0;
  const steps = {ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1]};
  box.addEventListener('keydown', (event) => {
    const step = steps[event.key];
    if (!step) return;
    let y = rows.findIndex((row) => row.includes(document.activeElement));
    if (y < 0) return;
    let x = rows[y].indexOf(document.activeElement);
    event.preventDefault();
    do {
      y += step[0];
      x += step[1];
    } while (rows[y] && x >= 0 && x < rows[y].length && !rows[y][x]);
    const target = rows[y] && rows[y][x];
    if (!target) return;
    document.activeElement.tabIndex = -1;
    target.tabIndex = 0;
    target.focus();
  });
}
