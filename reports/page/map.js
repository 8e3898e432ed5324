// The second level of the heat map: which point met which fault on which side, and the worst of it.
//
// Drawn when it is open only, and narrowed by the filter: of a night of 100,000 cases nobody wants all
// points at once. Rows stand in the order in which a migration passes them.

function columnsOf(list) {
  const kindsSeen = new Map();
  for (const cell of list) {
    if (!kindsSeen.has(cell.fault)) kindsSeen.set(cell.fault, new Set());
    kindsSeen.get(cell.fault).add(cell.side);
  }
  const columns = [];
  for (const [kind, sides] of kindsSeen) {
    const ordered = sideOrder.filter((side) => sides.has(side));
    ordered.forEach((side, index) => columns.push({kind, side, span: index === 0 ? ordered.length : 0}));
  }
  return columns;
}

const cellKey = (point, fault, side) => point + '\n' + fault + '\n' + side;

/** From the kinds of the cases: how many of each cell, the worst verdict and its first case. */
function cellsOf(through) {
  const counts = new Uint32Array(kinds.length);
  const first = new Int32Array(kinds.length).fill(-1);
  rows.kind.forEach((kind, row) => {
    if (counts[kind]++ === 0) first[kind] = row;
  });
  const cells = new Map();
  kinds.forEach((kind, index) => {
    if (!kind.inMap || !through[index] || counts[index] === 0) return;
    const {kind: fault, side, point} = kind.telling;
    const key = cellKey(point, fault, side);
    const cell = cells.get(key) || {point, fault, side, count: 0, worst: 'pass', row: first[index]};
    cell.count += counts[index];
    if (badness.get(kind.verdict) < badness.get(cell.worst)) Object.assign(cell, {worst: kind.verdict, row: first[index]});
    cells.set(key, cell);
  });
  return cells;
}

const cellName = (cell) => `${cell.fault} on ${cell.side} at ${cell.point}`;

function cellLink(cell) {
  const count = cell.count === 1 ? '1 case' : cell.count + ' cases';
  const one = cases[cell.row];
  const link = h('a', {class: `v-${cell.worst}${cell.count > 1 ? ' many' : ''}`,
    href: cell.count === 1 ? caseLink(one.id)
      : hashOf({...only([...switchKeys, 'verdict', 'phase']), point: cell.point, fault: cell.fault, side: cell.side}),
    'data-to': cell.count === 1 ? null : 'list', 'aria-label': `${cellName(cell)}: ${cell.worst}, ${count}`},
  icon(cell.worst), cell.count > 1 ? cell.count : null);
  tipOf(link, `${cellName(cell)}\n${cell.worst}, ${count}\n${one.headline}`);
  return link;
}

function mapHead(columns) {
  const names = h('tr', {}, h('td'));
  const sides = h('tr', {}, h('td'));
  for (const column of columns) {
    if (column.span > 0) {
      names.append(h('td', {class: 'gap'}),
        h('th', {scope: 'colgroup', colspan: column.span, class: 'kind'}, h('span', {}, column.kind)));
      sides.append(h('td', {class: 'gap'}));
    }
    sides.append(h('th', {scope: 'col', class: 'side'},
      h('span', {'aria-hidden': 'true', title: column.side}, column.side[0].toUpperCase()),
      h('span', {class: 'unseen'}, column.side)));
  }
  return h('thead', {}, names, sides);
}

function phaseRow(phase, width) {
  const about = data.phases.find((known) => known.name === phase);
  return h('tr', {class: 'phase'}, h('th', {scope: 'rowgroup', colspan: width},
    h('span', {}, phase, about ? h('small', {}, about.sentence) : null)));
}

function drawMap() {
  if (!byId('points').open) return;
  const box = byId('map-scroller');
  const cells = cellsOf(kindsThrough({...filter, q: ''}));
  if (cells.size === 0) {
    box.replaceChildren(h('p', {class: 'quiet'}, 'No single-fault case fits, so there is nothing to show here.'));
    return;
  }
  const columns = columnsOf(cells.values());
  const gaps = columns.filter((column) => column.span > 0).length;
  const body = h('tbody');
  let phase = '';
  for (const point of data.points) {
    const row = columns.map((column) => cells.get(cellKey(point, column.kind, column.side)));
    if (row.every((found) => !found)) continue;
    if (phaseOf(point) !== phase) {
      phase = phaseOf(point);
      body.append(phaseRow(phase, columns.length + gaps + 1));
    }
    const line = h('tr', {class: 'line'}, h('th', {scope: 'row', class: 'point'}, h('div', {}, point.slice(phase.length + 1))));
    columns.forEach((column, index) => {
      if (column.span > 0) line.append(h('td', {class: 'gap'}));
      line.append(h('td', {}, row[index] ? cellLink(row[index])
        : h('span', {class: 'none'}, h('span', {'aria-hidden': 'true'}, '·'), h('span', {class: 'unseen'}, 'none'))));
    });
    body.append(line);
  }
  const table = h('table', {class: 'heat', 'aria-labelledby': 'map-title'}, mapHead(columns), body);
  box.replaceChildren(table);
  moveByArrows(table, 'tbody tr.line', 'a');
}

/** One tab stop for a whole table; arrows move inside it. */
function moveByArrows(table, rowSelector, selector) {
  const grid = [...table.querySelectorAll(rowSelector)].map((row) =>
    [...row.querySelectorAll('td:not(.gap)')].map((cell) => cell.querySelector(selector)));
  const all = grid.flat().filter((node) => node);
  all.forEach((node, index) => { node.tabIndex = index === 0 ? 0 : -1; });
  const steps = {ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1]};
  table.addEventListener('keydown', (event) => {
    const step = steps[event.key];
    let y = grid.findIndex((row) => row.includes(document.activeElement));
    if (!step || y < 0) return;
    let x = grid[y].indexOf(document.activeElement);
    event.preventDefault();
    do {
      y += step[0];
      x += step[1];
    } while (grid[y] && x >= 0 && x < grid[y].length && !grid[y][x]);
    const target = grid[y] && grid[y][x];
    if (!target) return;
    document.activeElement.tabIndex = -1;
    target.tabIndex = 0;
    target.focus();
  });
}
