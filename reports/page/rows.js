// The cases: decoded from the columns that reports/rows.cpp writes.
//
// Many cases share a kind (verdict, place, signature, …), so what depends on the kind only is done once
// for each kind. A case whose whole was kept has it in `details`; of others the fields that are not
// known are empty. To the rest of the page a case looks the same either way; `whole` tells.

const rows = data.rows;
const details = rows.details;
const text = (index) => rows.texts[index];
const kinds = rows.kinds.map(([verdict, faults, protocol, pair, transport, disk, signature, headline, survivor, prefix,
  rule, plant, delivered, required]) => {
  const kind = {verdict: text(verdict), protocol: text(protocol), pair: text(pair), transport: text(transport),
    disk: text(disk), signature: text(signature), headline: text(headline), survivor: text(survivor),
    prefix: text(prefix), rule: text(rule), plant: text(plant), delivered: delivered === 1, required: required === 1,
    faults: faults.map(([name, side, point, heal, parameter]) => ({kind: text(name), side: text(side),
      point: text(point), heal_after_ms: heal, parameter: text(parameter)}))};
  // As telling_fault() in harness/core/plan.h: what struck first was only there to recover from.
  const recovery = kind.faults.length > 1 && kind.faults.at(-1).point.startsWith('recover/');
  kind.telling = kind.faults.at(recovery ? -1 : 0);
  kind.point = kind.telling ? kind.telling.point : '';
  kind.phase = kind.point.slice(0, Math.max(0, kind.point.indexOf('/')));
  kind.inMap = kind.faults.length === (recovery ? 2 : 1) && !kind.plant;
  kind.search = [kind.prefix, kind.headline, kind.signature, kind.rule, kind.protocol, kind.plant,
    ...kind.faults.map((fault) => `${fault.point} ${fault.kind} on ${fault.side}`)].join('\n').toLowerCase();
  return kind;
});

const runLine = (kind) => `migfuzz run --protocol=${kind.protocol.replace(', ', ' --mode=')} --seed=${data.seed}` + (kind.faults.length === 0 ? ''
  : ` --point=${kind.point.replace(/#\d+$/, '')} --fault=${kind.telling.kind} --side=${kind.telling.side}`);

class Case {
  constructor(row) { this.row = row; }
  get kind() { return kinds[rows.kind[this.row]]; }
  get whole() { return details[this.row]; }
  get id() { return rows.ids[this.row] || this.kind.prefix + rows.hashes.substr(8 * this.row, 8); }
  get blackout_ms() { return rows.blackout[this.row]; }
  get brownout_ms() { return rows.brownout[this.row]; }
  get ping_gap_ms() { return rows.ping ? rows.ping[this.row] : -1; }
  get tcp_gap_ms() { return rows.tcp ? rows.tcp[this.row] : -1; }
  get settle_ms() { return rows.settle[this.row]; }
  get passes() { return rows.passes[this.row]; }
  get bytes() { return rows.kib[this.row] < 0 ? -1 : rows.kib[this.row] * 1024; }
}
for (const name of ['verdict', 'faults', 'protocol', 'transport', 'disk', 'signature', 'survivor', 'delivered', 'required',
  'point', 'phase']) {
  Object.defineProperty(Case.prototype, name, {get() { return this.kind[name]; }});
}
// What only the whole of a case has, and what stands for it where that was not kept.
const missing = {
  headline: (one) => one.kind.headline, rule: (one) => one.kind.rule,
  evidence: (one) => one.verdict === 'pass' ? '' : 'cases/' + one.id,
  replay: (one) => one.verdict === 'pass' ? runLine(one.kind) : 'migfuzz replay cases/' + one.id,
  versions: (one) => one.kind.pair, seed: () => data.seed, duration_ms: () => -1, events_left_out: () => 0,
  story: () => '', expected: () => '', rule_reason: () => '', ended: () => '', proof: () => '', plan: () => '',
  findings: () => [], phases: () => [], owners: () => [], beats_source: () => [], beats_destination: () => [], events: () => [],
};
for (const [name, instead] of Object.entries(missing)) {
  Object.defineProperty(Case.prototype, name, {get() {
    return this.whole && this.whole[name] !== undefined ? this.whole[name] : instead(this);
  }});
}

const cases = rows.kind.map((kind, row) => new Case(row));  // worst first
