// The list of cases, with its filters.

const filter = {verdict: '', text: '', point: '', kind: '', side: ''};
let rowsShown = 15;

const faultText = (one) => one.faults.length === 0 ? 'no fault'
  : one.faults.map((fault) => `${fault.kind} on ${fault.side}`).join(', ');

function filtered() {
  const text = filter.text.toLowerCase();
  return cases.filter((one) => {
    if (filter.verdict && one.verdict !== filter.verdict) return false;
    if (filter.kind && !(inMap(one) && one.point === filter.point && one.faults[0].kind === filter.kind &&
        one.faults[0].side === filter.side)) return false;
    return !text || [one.id, one.headline, one.signature, one.point, faultText(one), one.protocol]
      .some((part) => part.toLowerCase().includes(text));
  }).sort((a, b) => badness.get(a.verdict) - badness.get(b.verdict));
}

function drawRows() {
  const found = filtered();
  const body = found.slice(0, rowsShown).map((one) => h('tr', {},
    h('td', {'data-label': 'Verdict'}, badge(one.verdict)),
    h('td', {'data-label': 'Point'}, h('code', {}, one.point || 'none')),
    h('td', {'data-label': 'Fault'}, faultText(one)),
    h('td', {'data-label': 'What', class: 'long'}, h('a', {href: caseLink(one.id)}, one.headline || one.id)),
    h('td', {'data-label': 'Blackout', class: 'num'}, one.blackout_ms < 0 ? '' : milliseconds(one.blackout_ms))));
  const head = ['Verdict', 'Point', 'Fault', 'What happened'].map((name) => h('th', {scope: 'col'}, name));
  byId('rows').replaceChildren(
    h('table', {class: 'plain brief cards'}, h('thead', {}, h('tr', {}, head, h('th', {scope: 'col', class: 'num'}, 'Blackout'))),
      h('tbody', {}, body)));
  byId('total').textContent = `${found.length} of ${cases.length} cases`;
  byId('more').hidden = found.length <= rowsShown;
  byId('clear').hidden = !filter.kind;
  byId('clear').textContent = filter.kind ? `Only ${cellName(filter.point, filter)} ✕` : '';
}

function drawList() {
  if (cases.length === 0) return;
  const again = (change) => { change(); rowsShown = 15; drawRows(); };
  byId('list').hidden = false;
  byId('list-body').replaceChildren(
    h('div', {class: 'filters'},
      h('select', {class: 'button', 'aria-label': 'Verdict',
        change: (event) => again(() => { filter.verdict = event.target.value; })},
      h('option', {value: ''}, 'All verdicts'),
      words.filter((word) => cases.some((one) => one.verdict === word)).map((word) => h('option', {value: word}, word))),
      h('input', {class: 'button', type: 'search', placeholder: 'Search point, fault, text',
        'aria-label': 'Search the cases', input: (event) => again(() => { filter.text = event.target.value; })}),
      h('button', {id: 'clear', class: 'button', type: 'button',
        click: () => again(() => { filter.point = filter.kind = filter.side = ''; })}),
      h('span', {id: 'total', class: 'total', 'aria-live': 'polite'})),
    h('div', {id: 'rows'}),
    h('button', {id: 'more', class: 'button more', type: 'button',
      click: () => { rowsShown += 200; drawRows(); }}, 'Show more'));
  drawRows();
}

function showList(cell) {
  Object.assign(filter, cell, {verdict: '', text: ''});
  drawList();
  byId('list').scrollIntoView({block: 'start'});
  const first = byId('list').querySelector('tbody a');
  if (first) first.focus({preventScroll: true});
}
