// The list of cases that the filter lets through, worst first, and what was cut of them.

let rowsShown = 15;

const faultText = (one) => one.faults.length === 0 ? (one.kind.plant ? 'canary ' + one.kind.plant : 'no fault')
  : one.faults.map((fault) => `${fault.kind} on ${fault.side}`).join(', ');

function caseRow(one) {
  return h('tr', {},
    h('td', {'data-label': 'Verdict'}, badge(one.verdict)),
    h('td', {'data-label': 'Point'}, h('code', {}, one.point || 'none')),
    h('td', {'data-label': 'Fault'}, faultText(one)),
    h('td', {'data-label': 'What', class: 'long'}, h('a', {href: caseLink(one.id)}, one.headline || one.signature || one.id)),
    h('td', {'data-label': 'Blackout', class: 'num'}, one.blackout_ms < 0 ? '' : milliseconds(one.blackout_ms)));
}

function drawRows(found) {
  const head = ['Verdict', 'Point', 'Fault', 'What happened'].map((name) => h('th', {scope: 'col'}, name));
  byId('rows').replaceChildren(found.length === 0 ? h('p', {class: 'quiet'}, 'No case fits.')
    : h('table', {class: 'plain brief cards'}, h('thead', {}, h('tr', {}, head, h('th', {scope: 'col', class: 'num'}, 'Blackout'))),
      h('tbody', {}, found.slice(0, rowsShown).map(caseRow))));
  byId('more').hidden = found.length <= rowsShown;
}

/** What is not in this file, in one or two sentences; empty when all is. */
function whatWasCut() {
  const whole = Object.keys(details).map((row) => cases[row]);
  const bad = cases.filter((one) => one.verdict !== 'pass').length;
  const wholeBad = whole.filter((one) => one.verdict !== 'pass').length;
  const said = [];
  if (rows.total > cases.length) said.push(`${rows.total - cases.length} of ${rows.total} cases, passes first, are only counted.`);
  if (whole.length < cases.length) {
    said.push(`So that this file stays below 5 MB, checkers, timeline and events are in it for ${wholeBad} of ${bad} cases ` +
      `that did not pass, some of each signature, and for ${whole.length - wholeBad} of ${cases.length - bad} passes. ` +
      'The folder cases/ has all of those that did not pass; the line of a pass repeats it.');
  }
  return said.join(' ');
}

function drawList() {
  if (cases.length === 0) return;
  byId('list').hidden = false;
  const cut = whatWasCut();
  byId('list-body').replaceChildren(
    h('p', {id: 'total', class: 'total'}), cut ? h('p', {id: 'cut', class: 'minor'}, cut) : '',
    h('div', {id: 'rows'}),
    h('button', {id: 'more', class: 'button more', type: 'button',
      click: () => { rowsShown += 200; drawRows(casesThrough(filter)); }}, 'Show more'));
}

function updateList() {
  if (cases.length === 0) return 0;
  const found = casesThrough(filter);
  drawRows(found);
  byId('total').textContent = `${found.length} of ${cases.length} cases, worst first`;
  return found.length;
}
