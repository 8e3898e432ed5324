// What is shown: the URL's hash, and nothing else, says so.
//
// #verdict=fail&phase=commit&q=text narrows findings, points and cases; the switches of the heat map are
// in it too. #case=ID is a case. A link can be sent to a colleague, and the back button goes back. While
// somebody types, the entry of the history is replaced, so that each letter is not a step back.

const filterKeys = ['verdict', 'phase', 'fault', 'side', 'protocol', 'pair', 'transport', 'disk', 'point', 'signature', 'rule', 'q'];
const switchKeys = ['side', 'protocol', 'pair', 'transport', 'disk'];
let filter = {};

function parsedHash() {
  const parsed = {};
  for (const part of location.hash.slice(1).split('&')) {
    const at = part.indexOf('=');
    if (at < 1) continue;
    try {
      parsed[part.slice(0, at)] = decodeURIComponent(part.slice(at + 1));
    } catch {
      // not a hash of ours
    }
  }
  return parsed;
}
const hashOf = (wanted) => '#' + filterKeys.filter((key) => wanted[key])
  .map((key) => key + '=' + encodeURIComponent(wanted[key])).join('&');
const filterOf = (parsed) => Object.fromEntries(filterKeys.filter((key) => parsed[key]).map((key) => [key, parsed[key]]));
const only = (keys) => Object.fromEntries(keys.filter((key) => filter[key]).map((key) => [key, filter[key]]));

function setFilter(change, typing) {
  const next = hashOf({...filter, ...change});
  if (typing) {
    history.replaceState(null, '', next);
    show();
  } else if (location.hash !== next) {
    location.hash = next;
  }
}

const namesOf = (signature) => [signature, ...(Object.hasOwn(data.names, signature) ? data.names[signature] : [])];
// A cell is its telling fault; of a plan that was drawn each counts.
const toldBy = (kind) => kind.inMap ? [kind.telling] : kind.faults;
const hasFault = (kind, key, value) => toldBy(kind).some((fault) => fault[key] === value);
const phaseOf = (point) => point.slice(0, Math.max(0, point.indexOf('/')));
const tests = {
  verdict: (kind, value) => kind.verdict === value,
  phase: (kind, value) => toldBy(kind).some((fault) => phaseOf(fault.point) === value),
  fault: (kind, value) => value === 'none' ? kind.faults.length === 0 : hasFault(kind, 'kind', value),
  side: (kind, value) => hasFault(kind, 'side', value),
  protocol: (kind, value) => kind.protocol === value,
  pair: (kind, value) => kind.pair === value,
  transport: (kind, value) => kind.transport === value,
  disk: (kind, value) => kind.disk === value,
  point: (kind, value) => hasFault(kind, 'point', value),
  signature: (kind, value) => namesOf(value).includes(kind.signature),
  rule: (kind, value) => kind.rule === value,
};

/** By kind, whether a filter lets it through; the text of `q` is looked for in rows, too. */
function kindsThrough(wanted) {
  const keys = filterKeys.filter((key) => wanted[key] && tests[key]);
  return kinds.map((kind) => keys.every((key) => tests[key](kind, wanted[key])));
}

function casesThrough(wanted) {
  const through = kindsThrough(wanted);
  const q = (wanted.q || '').toLowerCase();
  if (!q) return cases.filter((one) => through[rows.kind[one.row]]);
  const inKind = kinds.map((kind) => kind.search.includes(q));
  return cases.filter((one) => through[rows.kind[one.row]] && (inKind[rows.kind[one.row]] || one.id.includes(q)));
}

// ---- the bar ------------------------------------------------------------------------------------

const distinct = (pick) => [...new Set(kinds.flatMap(pick))].filter((value) => value);

function choice(key, label, values) {
  if (values.length < 2 && !filter[key]) return null;
  return h('label', {class: 'choice'}, h('span', {}, label), h('select', {class: 'button', 'data-key': key,
    change: (event) => setFilter({[key]: event.target.value})},
  h('option', {value: ''}, 'all'), values.map((value) => h('option', {value}, value))));
}

const choices = () => [
  ['verdict', 'Verdict', words.filter((word) => kinds.some((kind) => kind.verdict === word))],
  ['phase', 'Phase', data.phases.map((phase) => phase.name).filter((name) => kinds.some((kind) => kind.phase === name))],
  ['fault', 'Fault', distinct((kind) => kind.faults.map((fault) => fault.kind)).sort()],
  ['side', 'Side', sideOrder.filter((side) => kinds.some((kind) => hasFault(kind, 'side', side)))],
  ['protocol', 'Protocol', distinct((kind) => [kind.protocol])],
];

function drawBar() {
  if (cases.length === 0) return;
  byId('filter').hidden = false;
  byId('filter').replaceChildren(
    ...choices().map(([key, label, values]) => choice(key, label, values)).filter((node) => node),
    h('label', {class: 'choice search'}, h('span', {}, 'Search'), h('input', {class: 'button', type: 'search', 'data-key': 'q',
      placeholder: 'point, fault, signature, text', input: (event) => setFilter({q: event.target.value}, true)})),
    h('div', {id: 'narrowed', class: 'narrowed'}),
    h('p', {id: 'matches', class: 'total', 'aria-live': 'polite'}));
}

/** The bar shows the filter; what has no field of its own is a button that takes it away. */
function updateBar() {
  for (const field of byId('filter').querySelectorAll('[data-key]')) {
    const value = filter[field.dataset.key] || '';
    if (field.value !== value) field.value = value;
  }
  const fields = new Set([...byId('filter').querySelectorAll('[data-key]')].map((field) => field.dataset.key));
  const rest = filterKeys.filter((key) => filter[key] && !fields.has(key));
  if (!byId('narrowed')) return;
  byId('narrowed').replaceChildren(
    ...rest.map((key) => h('button', {class: 'button', type: 'button', click: () => setFilter({[key]: ''}),
      'aria-label': `Take away ${key} ${filter[key]}`}, `${key} ${filter[key]} ✕`)),
    ...(hashOf(filter) === '#' ? [] : [h('button', {id: 'reset', class: 'button', type: 'button',
      click: () => { location.hash = '#'; }}, 'Show all')]));
}
