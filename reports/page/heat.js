// The heat map of phases and faults: drawn again when a switch narrows it to a side, a protocol, a pair
// of QEMUs, a transport or a disk. Unswitched it is the table that reports/heat.cpp wrote.

const gridCells = data.grid.map(([phase, fault, side, protocol, pair, transport, disk, required, delivered, impossible,
  meaningless, verdicts]) => ({phase, fault, side, protocol, pair, transport, disk, required, delivered, impossible,
  meaningless, verdicts}));
let heatShows = '#';
const shortWords = {'not-delivered': 'missed', 'known-issue': 'known', 'expected-loss': 'loss'};  // as in reports/heat.cpp

function summed(list) {
  const sum = {required: 0, delivered: 0, impossible: 0, meaningless: 0, cases: 0, worst: ''};
  for (const cell of list) {
    for (const key of ['required', 'delivered', 'impossible', 'meaningless']) sum[key] += cell[key];
    for (const [word, count] of Object.entries(cell.verdicts)) {
      sum.cases += count;
      if (!sum.worst || badness.get(word) < badness.get(sum.worst)) sum.worst = word;
    }
  }
  return sum;
}

function spot(sum, phase, fault) {
  const of = sum.required > 0 ? `${sum.delivered}/${sum.required}` : sum.cases + '×';
  const short = sum.delivered < sum.required ? ' short' : '';
  const parts = (word, said) => [icon(word), h('span', {class: 'word', title: word}, said), ' ', h('span', {class: 'of'}, of)];
  if (sum.worst) {
    return h('a', {class: `spot v-${sum.worst}${short}`, href: hashOf({...only(switchKeys), phase, fault})},
      parts(sum.worst, shortWords[sum.worst] || sum.worst));
  }
  if (sum.required > 0) return h('span', {class: 'spot short v-not-delivered'}, parts('not-delivered', 'not run'));
  if (sum.impossible > 0) return h('span', {class: 'spot impossible'}, 'impossible here');
  if (sum.meaningless > 0) return h('span', {class: 'spot none'}, '–', h('span', {class: 'unseen'}, ' no meaning here'));
  return h('span', {class: 'spot none'}, h('span', {class: 'unseen'}, 'not part of this run'));
}

function heatTable(faults, phases, cells) {
  const head = ['Fault', ...phases].map((name) => h('th', {scope: 'col'}, name));
  const body = faults.map((fault) => h('tr', {}, h('th', {scope: 'row'}, fault),
    phases.map((phase) => h('td', {}, spot(summed(cells.get(phase + '\n' + fault) || []), phase, fault)))));
  return h('table', {class: 'grid'},
    h('caption', {class: 'unseen'}, 'Worst verdict and delivered points of each fault in each phase'),
    h('thead', {}, h('tr', {}, head)), h('tbody', {}, body));
}

function drawHeat() {
  const wanted = only(switchKeys);
  if (heatShows === hashOf(wanted)) return;
  heatShows = hashOf(wanted);
  const cells = new Map();
  for (const cell of gridCells) {
    // What was required has no transport and disk where its cases differ in them.
    if (switchKeys.some((key) => wanted[key] && cell[key] !== wanted[key] && !(cell[key] === '' && cell.required > 0))) continue;
    const key = cell.phase + '\n' + cell.fault;
    if (!cells.has(key)) cells.set(key, []);
    cells.get(key).push(cell);
  }
  const phases = data.phases.map((phase) => phase.name).filter((name) => gridCells.some((cell) => cell.phase === name));
  const faults = [...new Set([...cells.values()].flat().map((cell) => cell.fault))].sort();
  const half = faults.length > 12 ? Math.ceil(faults.length / 2) : faults.length;
  const tables = [];
  for (let from = 0; from < faults.length; from += half) tables.push(heatTable(faults.slice(from, from + half), phases, cells));
  byId('grid').replaceChildren(...(tables.length > 0 ? tables : [h('p', {class: 'quiet'}, 'No case is left with these switches.')]));
  prepareHeat();
}

function prepareHeat() {
  for (const table of byId('grid').querySelectorAll('table')) moveByArrows(table, 'tbody tr', 'a');
}

const switchLabels = {side: 'Side', protocol: 'Protocol', pair: 'QEMUs', transport: 'Transport', disk: 'Disk'};
function drawSwitches() {
  const groups = switchKeys.map((key) => {
    const known = [...new Set(gridCells.map((cell) => cell[key]))].filter((value) => value);
    const values = key === 'side' ? sideOrder.filter((side) => known.includes(side)) : known.sort();
    if (values.length < 2) return null;
    return h('div', {class: 'switch', role: 'group', 'aria-label': switchLabels[key]}, h('span', {}, switchLabels[key]),
      ['', ...values].map((value) => h('button', {class: 'button', type: 'button', 'data-switch': key, 'data-value': value,
        'aria-pressed': 'false', click: () => setFilter({[key]: value})}, value || 'all')));
  });
  byId('switches').replaceChildren(...groups.filter((group) => group));
}

function updateSwitches() {
  for (const button of byId('switches').querySelectorAll('button')) {
    button.setAttribute('aria-pressed', String((filter[button.dataset.switch] || '') === button.dataset.value));
  }
}
