// What the timeline of a case shows: lanes, marks, states of hosts, owners of the VM, faults as spans.
//
// Pure: a case's object in, plain values out; timeline_view.js draws them. The clock is milliseconds
// from the start of the case. Actors that are no lane of their own (director, a second destination)
// are told in the lane they belong to.

const eventObject = ([at, actor, kind, name, fields], index) => ({at, actor, kind, name, fields, index});
const fieldText = (fields) => Object.entries(fields).filter(([, value]) => value !== '')
  .map(([key, value]) => `${key}=${value}`).join('  ');
const drawn = (event) => event.kind !== 'heartbeat' && event.kind !== 'phase' && event.kind !== 'owner' &&
  event.kind !== 'point';
const fixed = (ms) => (ms >= 10000 ? (ms / 1000).toFixed(2) + ' s' : ms.toFixed(1) + ' ms');

/** The lane of an event: source, channel, destination, arbiter, or fault. */
function laneOf(event) {
  if (event.kind === 'fault') return 'fault';
  if (event.actor === 'source' || event.actor === 'channel') return event.actor;
  return event.actor.startsWith('destination') ? 'destination' : 'arbiter';
}

const spanObject = ([name, from, to]) => ({name, from, to});
function endOf(one, events) {
  return Math.max(1, one.duration_ms, ...events.map((event) => event.at),
    ...one.owners.map((span) => span[2]), ...one.phases.map((span) => span[2]));
}
const retryAt = (events) => {
  const begins = events.find((event) => event.kind === 'retry');
  return begins ? begins.at : Infinity;
};

/** What QEMU said of a host's run state, as stretches: {name, from, to, mood}. */
function statesOf(actor, one, events) {
  const beats = actor === 'source' ? one.beats_source : [];
  const out = [];
  const say = (at, name, mood) => {
    const last = out[out.length - 1];
    if (last && last.name === name) return;
    if (last) last.to = at;
    out.push({name, mood, from: at, to: at});
  };
  const mine = events.filter((event) => event.actor === actor);
  for (const event of mine) {
    const first = beats[0];
    if (first < event.at && out.length === 1 && out[0].name === 'starting') say(first, 'running', 'runs');
    if (event.kind === 'process' && event.name === 'started') say(event.at, 'starting', 'waits');
    if (event.kind === 'qmp-event' && event.name === 'STOP') say(event.at, 'stopped', 'stands');
    if (event.kind === 'qmp-event' && event.name === 'RESUME') say(event.at, 'running', 'runs');
    if (event.kind === 'qmp-reply' && event.name === 'query-status' && event.fields.status) {
      const status = event.fields.status;
      say(event.at, status, status === 'running' ? 'runs' : status === 'inmigrate' ? 'waits' : 'stands');
    }
    if (event.kind === 'process' && event.name === 'exited') say(event.at, 'ended', 'ended');
  }
  if (out.length > 0) out[out.length - 1].to = endOf(one, events);
  return out;
}

/** Who owned the VM when, by QEMU's STOP and RESUME, with what is said of each stretch. */
function ownersOf(one, events) {
  const spans = one.owners.map(spanObject).filter((span) => span.to > span.from || one.owners.length === 1);
  const done = events.find((event) => event.kind === 'decision' && event.name === 'done');
  return spans.map((span, index) => {
    const long = fixed(span.to - span.from);
    const before = spans[index - 1];
    const after = spans[index + 1];
    if (span.name === 'both') return {...span, text: `BOTH RUNNING ${long}`, short: 'BOTH', long};
    if (span.name !== 'none') return {...span, text: `${span.name} runs the VM`, short: span.name, long};
    if (before && after) return {...span, text: `nobody ${long}`, short: long, long, gap: true};
    const examined = done && before && events.some((event) => event.kind === 'qmp-command' &&
      event.name === 'stop' && event.at >= done.at && event.actor === before.name);
    if (examined && one.survivor !== 'none') {
      return {...span, text: 'stopped to be examined', short: 'examined', long, examined: true};
    }
    return {...span, text: one.survivor === 'none' ? 'nobody: the VM is lost' : 'nobody', short: 'nobody', long};
  });
}

/** The faults of a case in their order: when armed, injected, delivered, healed. */
function faultsOf(one, events) {
  const out = [];
  for (const event of events.filter((known) => known.kind === 'fault')) {
    const kind = event.fields.kind || '';
    let fault = out.find((known) => (known.kind === kind || kind === '') && known[event.name] === undefined &&
      (event.name === 'armed' ? Object.keys(known.marks).length === 0 : true));
    if (!fault) {
      const plan = one.faults[out.length];
      fault = {kind, side: plan ? plan.side : '', heals: Boolean(plan && plan.heal_after_ms > 0), marks: {}};
      out.push(fault);
    }
    fault[event.name] = event.at;
    fault.marks[event.name] = event;
    if (event.fields.side) fault.side = event.fields.side;
  }
  return out;
}

/** How much an event's name is worth as a text beside its mark; 0: not worth one. */
function weightOf(event) {
  if (event.kind === 'process') return event.name === 'exited' ? 9 : 1;
  if (event.kind === 'decision') return 7;
  if (event.kind === 'qmp-event') return /^(STOP|RESUME|BLOCK_IO_ERROR|GUEST_PANICKED)$/.test(event.name) ? 8 : 6;
  if (event.kind === 'retry') return 6;
  if (event.kind === 'relay' || event.kind === 'management') return 5;
  if (event.kind === 'qmp-command') return 4;
  if (event.name === 'eof') return 5;
  return event.kind === 'return-path' ? 3 : event.kind === 'stream' ? 2 : 0;
}

function shortText(event) {
  const fields = event.fields;
  if (event.kind === 'process' && event.name === 'exited') {
    return Number(fields.signal) > 0 ? `ended by signal ${fields.signal}` : `exit ${fields.code}`;
  }
  if (event.name === 'MIGRATION') return fields.status || event.name;
  if (event.name === 'MIGRATION_PASS') return `pass ${fields.pass || ''}`;
  if (event.kind === 'stream') return fields.idstr || event.name;
  return event.name;
}

const eventText = (event) => `${event.at.toFixed(3)} ms  ${event.actor}\n${event.kind}: ${event.name}` +
  Object.entries(event.fields).filter(([, value]) => value !== '')
    .map(([key, value]) => `\n${key}: ${value}`).join('');

/** The stretches of time that the buttons above the chart offer. */
function windowsOf(one, events) {
  const end = endOf(one, events);
  const out = [{name: 'Whole case', from: 0, to: end}];
  const second = retryAt(events);
  const first = events.filter((event) => event.at < second);
  const begins = first.find((event) => event.kind === 'qmp-command' && event.name === 'migrate');
  const from = begins ? begins.at : one.phases.length > 0 ? one.phases[0][1] : 0;
  const done = first.find((event) => event.kind === 'decision' && event.name === 'done');
  const tells = first.filter((event) => event.kind === 'decision' || event.kind === 'fault' || event.name === 'RESUME' ||
    (event.name === 'exited' && (!done || event.at <= done.at))).map((event) => event.at);
  const until = Math.min(end, second, Math.max(from + 5, ...tells));
  if (from > 0) {
    const margin = (until - from) * 0.05;
    out.push({name: 'Migration', from: Math.max(0, from - margin), to: Math.min(end, until + margin)});
  }
  const strikes = first.filter((event) => event.kind === 'fault' && event.name !== 'armed').map((event) => event.at);
  if (strikes.length > 0) {
    const last = Math.max(...strikes);
    const around = Math.max(8, Math.min(60, (last - strikes[0]) * 0.6));
    out.push({name: 'Around the fault', from: Math.max(0, strikes[0] - around), to: Math.min(end, last + around)});
  }
  return out;
}
