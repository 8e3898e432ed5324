// The rows of findings are in the page already; here they are hidden and shown by the filter.

const rowsOfFindings = [...document.querySelectorAll('#findings tbody tr')];
const rowTests = {
  verdict: (row, value) => row.dataset.verdict === value,
  phase: (row, value) => row.dataset.phase === value || row.dataset.text.includes(value + '/'),
  fault: (row, value) => row.dataset.fault.split(' + ').includes(value),
  side: (row, value) => row.dataset.side.split(' + ').includes(value),
  protocol: (row, value) => row.dataset.protocol === value,
  point: (row, value) => row.dataset.text.includes(value),
  signature: (row, value) => row.dataset.signature === value,
  q: (row, value) => row.textContent.toLowerCase().includes(value.toLowerCase()),
};

function drawFindings() {
  const keys = filterKeys.filter((key) => filter[key] && rowTests[key]);
  let shown = 0;
  for (const row of rowsOfFindings) {
    row.hidden = !keys.every((key) => rowTests[key](row, filter[key]));
    if (!row.hidden) ++shown;
  }
  const foreseen = [...document.querySelectorAll('#foreseen tbody tr')];
  for (const row of foreseen) row.hidden = Boolean(filter.verdict) && row.dataset.verdict !== filter.verdict;
  if (foreseen.length > 0) byId('foreseen').hidden = foreseen.every((row) => row.hidden);
  const table = document.querySelector('#findings table');
  if (table) table.hidden = shown === 0;
  const none = byId('no-findings');
  none.hidden = rowsOfFindings.length === 0 || shown > 0;
  return shown;
}
