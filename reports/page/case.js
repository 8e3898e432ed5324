// One case as a page: what happened, what the checkers say, the timeline, the events, the plan.

function caseFacts(one) {
  const facts = [
    ...one.faults.map((fault) => ['Fault', `${fault.kind} on ${fault.side} at ${fault.point}` +
      (fault.heal_after_ms > 0 ? `, healed after ${fault.heal_after_ms} ms` : '')]),
    ['Delivered', one.faults.length === 0 ? 'no fault to deliver' : (one.delivered ? 'yes: ' : 'no ') + one.proof],
    ['Survivor', one.survivor], ['Blackout', milliseconds(one.blackout_ms)],
    ['Brownout', milliseconds(one.brownout_ms)], ['Duration', milliseconds(one.duration_ms)],
    ['Protocol', one.protocol], ['Seed', one.seed], ['Signature', one.signature], ['Evidence', one.evidence]];
  return h('dl', {class: 'facts'}, facts.filter(([, value]) => value).map(([name, value]) =>
    h('div', {}, h('dt', {}, name), h('dd', {}, value))));
}

function caseFindings(one) {
  const rows = [...one.findings].sort((a, b) => badness.get(a.verdict) - badness.get(b.verdict)).map((finding) => h('tr', {},
    h('td', {'data-label': 'Verdict'}, badge(finding.verdict)),
    h('td', {'data-label': 'Checker'}, finding.checker),
    h('td', {'data-label': 'What', class: 'long'}, finding.what, finding.reason ? h('div', {class: 'reason'}, 'Rule: ' + finding.reason) : null)));
  return h('section', {}, h('h2', {}, 'What the checkers say'), rows.length === 0
    ? h('p', {class: 'quiet'}, 'No checker has said anything about this case.')
    : h('table', {class: 'plain brief cards'}, h('thead', {}, h('tr', {}, ['Verdict', 'Checker', 'Finding and rule'].map((name) =>
      h('th', {scope: 'col'}, name)))), h('tbody', {}, rows)));
}

function eventTable(one, events) {
  const rows = events.map((event) => h('tr', {id: 'event-' + event.index, tabindex: -1, class: 'is-' + shapeOf(event.kind)},
    h('td', {'data-label': 'ms'}, event.at.toFixed(3)), h('td', {'data-label': 'Actor'}, event.actor),
    h('td', {'data-label': 'Kind'}, event.kind), h('td', {'data-label': 'Event'}, event.name),
    h('td', {'data-label': 'Details', class: 'details long'}, fieldText(event.fields))));
  const left = one.events_left_out > 0
    ? `${one.events_left_out} more events are in ${one.evidence ? one.evidence + '/history.jsonl' : 'the run, but were not kept here'}.` : '';
  return h('section', {}, h('h2', {}, 'Events'), h('table', {class: 'plain events brief cards'},
    h('thead', {}, h('tr', {}, ['ms', 'Actor', 'Kind', 'Event', 'Details'].map((name) => h('th', {scope: 'col'}, name)))),
    h('tbody', {}, rows)), left ? h('p', {class: 'minor'}, left) : null);
}

function caseBar(one) {
  const at = cases.indexOf(one);
  const to = (index, text) => cases[index] ? h('a', {class: 'button', href: caseLink(cases[index].id)}, text) : null;
  return h('nav', {class: 'bar', 'aria-label': 'Cases'}, h('a', {class: 'button', href: '#'}, '← The run'),
    h('div', {}, to(at - 1, '‹ Previous'), to(at + 1, 'Next ›')));
}

function drawCase(one) {
  const events = one.events.map(eventObject);
  const pick = (index) => {
    for (const row of page.querySelectorAll('tr.lit')) row.classList.remove('lit');
    const row = byId('event-' + index);
    time.light(index);
    if (!row) return;
    row.classList.add('lit');
    row.scrollIntoView({block: 'center'});
    row.focus({preventScroll: true});
  };
  const time = chart(one, events, pick);
  const page = byId('case');
  const table = eventTable(one, events);
  table.addEventListener('pointerover', (pointer) => {
    const row = pointer.target.closest('tr[id]');
    if (row) time.light(Number(row.id.slice('event-'.length)));
  });
  page.replaceChildren(caseBar(one),
    h('section', {class: 'case-head'}, h('div', {class: 'tag'}, badge(one.verdict), h('span', {class: 'mono'}, one.id)),
      h('h1', {tabindex: -1}, one.headline || sentence.get(one.verdict)), caseFacts(one),
      h('p', {class: 'repeat'}, h('span', {}, 'Replay it'), command(one.replay))),
    caseFindings(one),
    h('section', {}, h('h2', {}, 'Timeline'), time.nodes), table,
    h('section', {}, h('details', {}, h('summary', {}, 'Plan'), h('pre', {}, one.plan))));
  addCopyButtons(page);
}
