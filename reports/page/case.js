// One case as a page: what happened in a sentence, who owned the VM when, the timeline, what was
// checked and expected, the events, the downloads.
//
// Checkers are not known by name: their texts are set in clauses, numbers stand out, and a page that
// differs, which texts describe in one way, is told in a table.

// ---- on top ------------------------------------------------------------------------------------

const faultWords = (fault) => `${fault.kind} on ${fault.side} at ${fault.point}` +
  (fault.heal_after_ms > 0 ? `, healed after ${fault.heal_after_ms} ms` : '');

function caseFacts(one) {
  const struck = one.faults.length > 0;
  const facts = [
    ...one.faults.map((fault) => ['Fault', faultWords(fault)]),
    ['Took effect', !struck ? 'no fault to deliver' : one.delivered ? ['yes', one.proof].filter(Boolean).join(': ') : 'no: this case proves nothing'],
    ['Survivor', one.survivor], ['Protocol', one.protocol],
    ['Blackout', milliseconds(one.blackout_ms)], ['Brownout', brownoutText(one)],
    ['Ping gap', one.ping_gap_ms >= 0 ? milliseconds(one.ping_gap_ms) : ''],
    ['TCP gap', one.tcp_gap_ms >= 0 ? milliseconds(one.tcp_gap_ms) : ''],
    ['Settled', one.settle_ms >= 0 ? milliseconds(one.settle_ms) + ' after migrate' : ''],
    ['Sent', one.bytes >= 0 ? byteText(one.bytes) + (one.passes > 0 ? `, ${one.passes} RAM passes` : '') : ''],
    ['QEMU', one.versions], ['Seed', one.seed], ['Duration', one.duration_ms >= 0 ? milliseconds(one.duration_ms) : ''],
    ['Ended', one.ended], ['Signature', one.signature]];
  return h('dl', {class: 'facts'}, facts.filter(([, value]) => value).map(([name, value]) =>
    h('div', {}, h('dt', {}, name), h('dd', {}, value))));
}

function brownoutText(one) {
  const after = one.brownout_after_ms;
  if (!(one.brownout_ms >= 0 && after >= 0)) return milliseconds(one.brownout_ms);
  return `${milliseconds(one.brownout_ms - after)} before the blackout, ${milliseconds(after)} after it`;
}

function byteText(bytes) {
  if (bytes >= 1e6) return (bytes / 1e6).toFixed(bytes >= 1e8 ? 0 : 1) + ' MB';
  return bytes >= 1000 ? (bytes / 1000).toFixed(bytes >= 1e5 ? 0 : 1) + ' kB' : bytes + ' B';
}

/** Why the verdict is what it is: the worst findings, in their own words. */
function caseWhy(one) {
  if (one.verdict === 'pass' || one.findings.length === 0) return null;
  const worst = one.findings.filter((finding) => finding.verdict === one.verdict);
  return h('ul', {class: 'case-why', 'aria-label': 'Why the verdict is ' + one.verdict},
    worst.slice(0, 4).map((finding) => h('li', {}, h('b', {}, finding.checker), ' ', finding.what)),
    worst.length > 4 ? h('li', {}, `and ${worst.length - 4} more, below`) : null,
    one.rule_reason && one.verdict !== 'fail' ? h('li', {class: 'minor'}, `Rule ${one.rule}: ${one.rule_reason}`) : null);
}

function ownerStrip(one, events) {
  const owners = ownersOf(one, events).filter((span) => span.to - span.from > 0.05);
  if (owners.length === 0) return null;
  return h('ol', {class: 'owners', 'aria-label': 'Who owned the VM when'}, owners.map((span) => {
    const known = ['source', 'destination', 'both'].includes(span.name) ? span.name : 'none';
    const text = span.gap ? `nobody, ${span.long}` : `${span.name === 'none' || span.name === 'both' ? span.text : span.name + ' ' + span.long}`;
    return h('li', {class: 'own-' + known}, h('span', {class: 'swatch', 'aria-hidden': 'true'}), text);
  }));
}

// ---- downloads ---------------------------------------------------------------------------------

/** A path below the report's folder as a link's target; empty for anything else. */
function relative(path) {
  const parts = path.split('/');
  const odd = (part) => part === '' || part === '.' || part === '..' || !/^[\w.+:@=,~ -]+$/.test(part);
  return path === '' || parts.some(odd) || /^\w+:/.test(path) ? '' : './' + parts.map(encodeURIComponent).join('/');
}

function saveText(name, text) {
  const address = URL.createObjectURL(new Blob([text], {type: 'application/json'}));
  const link = h('a', {href: address, download: name});
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 2000);
  say('Saved as ' + name);
}

function caseFiles(one) {
  const folder = relative(one.evidence);
  const started = one.events.length === 0 || one.events.some(([, , kind, name]) => kind === 'process' && name === 'started');
  const files = ['README.md', 'plan.json', 'history.jsonl', ...(started ? ['qmp-source.log', 'qmp-destination.log',
    'stderr-source.log', 'stderr-destination.log', 'guest-source.log', 'guest-destination.log'] : [])];
  for (const [, actor, , name] of one.events) {
    const stacks = `stacks-${actor}.log`;
    if (name === 'stacks kept' && !files.includes(stacks)) files.push(stacks);
  }
  const bundle = relative(one.bundle || '');
  return h('section', {class: 'files'}, h('h2', {}, 'Take it with you'),
    h('p', {class: 'repeat'}, h('span', {}, 'Replay it'), command(one.replay)),
    h('ul', {class: 'file-list'},
      one.plan ? h('li', {}, h('button', {class: 'button', type: 'button',
        click: () => saveText(`plan-${one.id.replace(/[^\w.-]/g, '_')}.json`, one.plan)}, 'Save the plan (JSON)')) : null,
      bundle ? h('li', {}, h('a', {class: 'button', href: bundle, download: true}, 'Bundle of the finding (.tar.gz)')) : null),
    folder ? h('div', {}, h('p', {class: 'minor'}, 'Evidence, beside this report in ', h('a', {href: folder + '/'}, one.evidence + '/')),
      h('ul', {class: 'file-list'}, files.map((file) => h('li', {}, h('a', {href: `${folder}/${file}`}, file)))))
      : h('p', {class: 'minor'}, 'No evidence files: they are kept of cases that are not a plain pass.'),
    one.plan ? h('details', {}, h('summary', {}, 'The plan'), h('pre', {}, one.plan)) : null);
}

// ---- what was checked --------------------------------------------------------------------------

/** A text with its numbers set off. */
const withNumbers = (text) => text.split(/((?<![\w.:-])(?:0x[0-9a-f]+|\d+(?:\.\d+)?)(?![\w:.-]*\w))/i)
  .map((part, index) => (index % 2 ? h('b', {class: 'number'}, part) : part));

/** "page 2048 at 0x200000 holds step 108 instead of 112" as rows; null: the text tells of no page. */
function wrongPage(text) {
  const page = /page (\d+) at (0x[0-9a-f]+) (?:holds step (\d+) instead of (\d+)|has (\d+) wrong bytes from offset (\d+) \(written at step (\d+)\))/i.exec(text);
  if (!page) return null;
  const rows = [['Page', page[1]], ['Address', page[2]]];
  if (page[3]) rows.push(['Holds', 'the content of step ' + page[3]], ['Should hold', 'that of step ' + page[4]]);
  else rows.push(['Wrong bytes', `${page[5]}, from offset ${page[6]}`], ['Written at', 'step ' + page[7]]);
  return h('dl', {class: 'wrong-page', 'aria-label': 'First differing page'}, rows.map(([name, value]) =>
    h('div', {}, h('dt', {}, name), h('dd', {}, value))));
}

function checkerRow(finding) {
  const clauses = finding.what.split(/; (?=\S)/);
  return h('tr', {class: finding.verdict === 'pass' ? 'is-good' : 'is-bad'},
    h('td', {'data-label': 'Verdict'}, badge(finding.verdict)),
    h('th', {scope: 'row', 'data-label': 'Checker'}, finding.checker),
    h('td', {'data-label': 'Found', class: 'long'}, clauses.map((clause) => h('p', {}, withNumbers(clause))), wrongPage(finding.what),
      finding.symptom ? h('p', {class: 'minor'}, 'Symptom: ', h('code', {}, finding.symptom)) : null,
      finding.reason ? h('p', {class: 'minor'}, 'Because: ' + finding.reason) : null));
}

function hostCard(host, one, events) {
  const mine = events.filter((event) => event.actor === host);
  const version = mine.find((event) => event.kind === 'note' && event.name === 'version');
  const ended = mine.find((event) => event.kind === 'process' && event.name === 'exited');
  const owned = [];
  for (const [name, from, to] of one.owners) {
    const last = owned[owned.length - 1];
    if (name !== host && name !== 'both') continue;
    if (last && last.to === from) last.to = to;
    else owned.push({from, to});
  }
  const beats = one['beats_' + host];
  const states = mine.filter((event) => event.name === 'MIGRATION' && event.at < retryAt(events));
  const asked = ended && mine.some((event) => event.kind === 'qmp-command' && event.name === 'quit' && event.at < ended.at);
  const last = states[states.length - 1];
  const rows = [
    ['QEMU', version ? version.fields.qemu : ''],
    ['Ran the VM', owned.length > 0 ? owned.map((span) => `${fixed(span.from)} to ${fixed(span.to)}`).join(', ') : 'never'],
    ['Heartbeats', beats.length > 0 ? `first ${fixed(beats[0])}, last ${fixed(beats[beats.length - 1])}` : 'none'],
    ['Its migration', last ? `${last.fields.status || last.name} at ${fixed(last.at)}` : ''],
    ['Process', !ended ? 'no end was seen' : `${shortText(ended)} at ${fixed(ended.at)}` + (asked ? ', told to quit' : '')]];
  const wins = one.survivor === host || one.survivor === 'both';
  return h('div', {class: `host-card ${host}`}, h('h3', {}, host, wins ? h('span', {class: 'survives'}, '✓ runs the VM') : null),
    h('dl', {class: 'facts'}, rows.filter(([, value]) => value).map(([name, value]) =>
      h('div', {}, h('dt', {}, name), h('dd', {}, value)))));
}

const foundWords = {source: 'the source runs the VM', destination: 'the destination runs the VM',
  both: 'both hosts run the VM', none: 'no host runs the VM'};

function caseProof(one, events) {
  const sorted = [...one.findings].sort((a, b) => badness.get(a.verdict) - badness.get(b.verdict));
  const reason = one.rule_reason || (one.findings.find((finding) => finding.reason) || {}).reason || '';
  const judged = [['Expected', one.expected, 'expected'], ['Found', foundWords[one.survivor] || one.survivor, 'found'],
    ['Rule', one.rule ? h('span', {}, h('code', {}, one.rule), reason ? ': ' + reason : '') : reason, 'rule']];
  return h('section', {}, h('h2', {}, 'What was checked'),
    h('dl', {class: 'judged'}, judged.filter(([, value]) => value).map(([name, value]) =>
      h('div', {}, h('dt', {}, name), h('dd', {}, value)))),
    h('div', {class: 'host-cards'}, hostCard('source', one, events), hostCard('destination', one, events)),
    sorted.length === 0 ? h('p', {class: 'quiet'}, 'No checker has said anything about this case.')
      : h('table', {class: 'plain brief cards checks'}, h('thead', {}, h('tr', {}, ['Verdict', 'Checker', 'What it found'].map((name) =>
        h('th', {scope: 'col'}, name)))), h('tbody', {}, sorted.map(checkerRow))));
}

// ---- events ------------------------------------------------------------------------------------

function eventTable(one, events) {
  const rows = events.map((event) => h('tr', {id: 'event-' + event.index, tabindex: -1, class: 'is-' + shapeOf(event.kind)},
    h('td', {'data-label': 'ms'}, event.at.toFixed(3)), h('td', {'data-label': 'Actor'}, event.actor),
    h('td', {'data-label': 'Kind'}, event.kind), h('td', {'data-label': 'Event'}, event.name),
    h('td', {'data-label': 'Details', class: 'details long'}, fieldText(event.fields))));
  const left = one.events_left_out > 0
    ? `${one.events_left_out} more events are in ${one.evidence ? one.evidence + '/history.jsonl' : 'results.db, but were not kept here'}.` : '';
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

/** What a page of many cases has left of one: its row only. */
function caseWithout(one) {
  return h('section', {}, h('h2', {}, 'Cut from this report'), h('p', {}, 'Timeline, checkers and events of this case are not in this file, ' +
    'which holds the whole of some cases only. ', one.evidence
    ? 'They are in the folder of its evidence, below.' : 'The command above runs it again.'));
}

function drawCase(one) {
  const events = one.events.map(eventObject);
  const page = byId('case');
  const pick = (index) => {
    for (const row of page.querySelectorAll('tr.lit')) row.classList.remove('lit');
    const row = byId('event-' + index);
    time.light(index);
    if (!row) return;
    row.classList.add('lit');
    row.scrollIntoView({block: 'center'});
    row.focus({preventScroll: true});
  };
  const whole = one.events.length > 0 || one.findings.length > 0 || one.owners.length > 0;
  const time = whole ? chart(one, events, pick) : null;
  page.replaceChildren(...[caseBar(one),
    h('section', {class: 'case-head'}, h('div', {class: 'tag'}, badge(one.verdict), h('span', {class: 'mono'}, one.id)),
      h('h1', {tabindex: -1}, one.story || one.headline || sentence.get(one.verdict)), caseWhy(one),
      h('p', {class: 'repeat'}, h('span', {}, 'Replay it'), command(one.replay))),
    whole ? h('section', {class: 'case-time'}, h('h2', {}, 'Who owned the VM when'), ownerStrip(one, events), time.nodes) : caseWithout(one),
    whole ? caseProof(one, events) : null,
    h('section', {}, h('h2', {}, 'Facts'), caseFacts(one)),
    caseFiles(one), whole ? eventTable(one, events) : null].filter(Boolean));
  addCopyButtons(page);
}
