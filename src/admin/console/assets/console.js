// The web console of Cartgate: one module without dependencies, on top of the gate's API.
//
// Three rules keep it safe and quick:
// - Text of the gate and of its clients enters the page only as text. There is no markup in strings.
// - Every response passes a parser. A value of another shape is an error that says so, or a row that
//   is left out and counted, never a broken page.
// - Events change the state at once and the page at most once per frame, and a table holds a bounded
//   number of rows, so that a flood of deliveries does not freeze the page.
//
// Sections: 1 words, 2 elements, 3 text and time, 4 parsers, 5 API, 6 state, 7 stream, 8 router,
// 9 widgets, 10 jobs, 11 live, 12 rejected, 13 inbox, 14 delivery, 15 compare, 16 health, 17 test,
// 18 profile, 19 session, 20 keyboard, 21 start.

// ------------------------------------------------------------------------------------------ 1 words

/** The verdicts on a request, each with its mark and meaning. */
const VERDICTS = new Map([
  ['accepted', { mark: 'disc', meaning: 'verified, and accepted by the app, or by the proxy that asked for the verdict' }],
  ['stored', { mark: 'square', meaning: 'verified, and stored in the inbox' }],
  ['duplicate', { mark: 'twins', meaning: 'verified, but already stored; not stored again' }],
  ['failed', { mark: 'cross', meaning: 'verified, but neither the app nor the inbox accepted it' }],
  ['rejected', { mark: 'triangle', meaning: 'rejected by the gate; it reached no app' }],
  ['client-left', { mark: 'ring', meaning: 'the client closed the connection before the response' }],
]);

/** The states of a stored delivery, each with its mark and meaning. */
const STATES = new Map([
  ['pending', { mark: 'half', meaning: 'waits for its next attempt' }],
  ['dead', { mark: 'cross', meaning: 'a dead letter: no further attempt without a retry' }],
  ['quarantined', { mark: 'diamond', meaning: 'changed after it was stored; it reaches no app' }],
  ['delivered', { mark: 'disc', meaning: 'accepted by the app' }],
]);

const KINDS = ['order', 'abandoned-cart', 'other'];

/** The outlines of the marks, in a square of 12. A mark and a word always accompany a colour. */
const MARKS = {
  disc: ['M6 1.5a4.5 4.5 0 1 1 0 9a4.5 4.5 0 1 1 0-9z', 'solid'],
  square: ['M2 2h8v8H2z', 'solid'],
  twins: ['M1.5 1.5h6v6h-6zM4.5 7.5v3h6v-6h-3', 'line'],
  cross: ['M2.2 2.2l7.6 7.6M9.8 2.2L2.2 9.8', 'line'],
  triangle: ['M6 1.2l5.2 9.4H.8z', 'solid'],
  ring: ['M6 2a4 4 0 1 1 0 8a4 4 0 1 1 0-8z', 'line'],
  half: ['M6 1.2a4.8 4.8 0 1 1 0 9.6a4.8 4.8 0 1 1 0-9.6zM6 3.4V6l1.9 1.3', 'thin'],
  diamond: ['M6 .8L11.2 6 6 11.2.8 6z', 'solid'],
  question: ['M4 4a2 2 0 1 1 2.6 1.9c-.5.2-.6.5-.6 1.2M6 9.2v.3', 'line'],
};

/** The most deliveries that the page remembers: as many as the gate's ring. */
const MOST_ROWS = 1000;

/** The rows that a table shows before "show more". */
const PAGE_ROWS = 200;

/** The deliveries per second above which nobody can read along: fewer rows, less often. */
const FLOOD = 60;

const FLOOD_ROWS = 100;

const FLOOD_PAUSE = 500;

/** The seconds that the strip shows. */
const STRIP_SECONDS = 120;

// --------------------------------------------------------------------------------------- 2 elements

const SVG = 'http://www.w3.org/2000/svg';

/** Attributes that are properties of an element. */
const PROPERTIES = new Set(['value', 'checked', 'disabled', 'hidden', 'indeterminate', 'selected']);

/**
 * Creates an element. A child that is a string becomes a text node.
 * @param {string} name of the element
 * @param {Record<string, unknown>} [attributes] `on…` adds a listener; null and false are left out
 * @param {...unknown} children nodes, texts, lists of them; null and false are left out
 */
function el(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined) continue;
    if (key === 'class') node.className = value;
    else if (key.startsWith('on')) node.addEventListener(key.slice(2), value);
    else if (PROPERTIES.has(key)) node[key] = value;
    else if (value !== false) node.setAttribute(key, value === true ? '' : String(value));
  }
  return fill(node, children);
}

/** Appends children, without those that are null, undefined or false. */
function fill(node, ...children) {
  const present = children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
  node.append(...present.map((child) => (child instanceof Node ? child : String(child))));
  return node;
}

/** Replaces the children. */
function refill(node, ...children) {
  node.replaceChildren();
  return fill(node, ...children);
}

/** Replaces the children, but keeps every element that only changes its text or attributes. */
function redraw(node, ...children) {
  const fresh = node.cloneNode(false);
  fill(fresh, children);
  morph(node, fresh);
}

/** Makes a node like a fresh one. Elements with another `data-key` are replaced with their listeners. */
function morph(old, fresh) {
  if (old.nodeName !== fresh.nodeName || old.dataset?.key !== fresh.dataset?.key) {
    old.replaceWith(fresh);
    return;
  }
  if (old.nodeType === Node.TEXT_NODE) {
    setText(old, fresh.data);
    return;
  }
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) {
    // The policy allows styles only as properties.
    if (name === 'style') old.style.cssText = fresh.style.cssText;
    else if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  if (old instanceof HTMLProgressElement) old.value = fresh.value;
  const [before, after] = [[...old.childNodes], [...fresh.childNodes]];
  after.forEach((child, index) => (before[index] ? morph(before[index], child) : old.append(child)));
  for (const extra of before.slice(after.length)) extra.remove();
}

/** Sets the text, if it differs: an equal write would still cost a layout. */
function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

const byId = (id) => document.getElementById(id);

const markTemplates = new Map();

/** Returns the mark as a drawing that screen readers skip. */
function mark(name) {
  let template = markTemplates.get(name);
  if (!template) {
    const [outline, style] = MARKS[name] ?? MARKS.question;
    template = document.createElementNS(SVG, 'svg');
    template.setAttribute('viewBox', '0 0 12 12');
    template.setAttribute('class', `mark mark-${style}`);
    template.setAttribute('aria-hidden', 'true');
    const path = document.createElementNS(SVG, 'path');
    path.setAttribute('d', outline);
    template.append(path);
    markTemplates.set(name, template);
  }
  return template.cloneNode(true);
}

/** Returns a verdict or state as mark and word. */
function tag(words, word) {
  const known = words.get(word);
  const tone = known ? `tone-${word}` : 'tone-unknown';
  return el(
    'span',
    { class: `tag ${tone}`, title: known?.meaning },
    mark(known?.mark),
    el('span', {}, known ? word : visible(word, 40)),
  );
}

/** Returns text of a client or an app, isolated from the direction of the text around it. */
function foreign(text, most = 300) {
  return el('bdi', { class: 'foreign' }, visible(text, most));
}

const code = (text, most) => el('code', {}, foreign(text, most));

/** Returns a paragraph in which `text` between backquotes is code. */
function prose(text, attributes = {}) {
  const parts = text.split('`');
  return el(
    'p',
    attributes,
    parts.map((part, index) => (index % 2 ? el('code', {}, part) : part)),
  );
}

const button = (label, onclick, attributes = {}) => el('button', { type: 'button', onclick, ...attributes }, label);

const frames = new Set();

/** Runs a task in the next frame, once. */
function nextFrame(task) {
  if (frames.size === 0) {
    requestAnimationFrame(() => {
      const tasks = [...frames];
      frames.clear();
      for (const run of tasks) run();
    });
  }
  frames.add(task);
}

// ------------------------------------------------------------------------------------ 3 text and time

const UNSEEN = /[\p{C}\p{Zl}\p{Zp}]/gu;

const UNSEEN_IN_BLOCK = /(?![\n\t])[\p{C}\p{Zl}\p{Zp}]/gu;

const escaped = (char) => {
  const hex = char.codePointAt(0).toString(16);
  return hex.length > 4 ? `\\u{${hex}}` : `\\u${hex.padStart(4, '0')}`;
};

/** Shows invisible characters as escapes, and cuts a long text. */
function visible(text, most = 300) {
  const cut = text.length > most ? text.slice(0, most) : text;
  const shown = cut.replace(UNSEEN, escaped);
  return text.length > most ? `${shown}… (${count(text.length - most)} more)` : shown;
}

/** Shows invisible characters of a text with several lines. */
const visibleBlock = (text) => text.replace(/\r\n/g, '\n').replace(UNSEEN_IN_BLOCK, escaped);

const numberFormat = new Intl.NumberFormat('en');

const count = (number) => numberFormat.format(number);

/** Returns the count with the noun in its number. */
const counted = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;

function bytes(number) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  let size = number;
  for (; size >= 1024 && unit < units.length - 1; unit += 1) size /= 1024;
  return `${unit === 0 || size >= 100 ? Math.round(size) : size.toFixed(1)} ${units[unit]}`;
}

function duration(ms) {
  if (ms < 10) return `${ms.toFixed(1)}`;
  return count(Math.round(ms));
}

/** Returns a span of time in one unit, as `cartgate status` shows it. */
function span(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.floor(seconds / 3600)} h`;
  return `${count(Math.floor(seconds / 86400))} days`;
}

let skew = 0;

/** Returns the time by the gate's clock, in milliseconds. */
const gateNow = () => Date.now() + skew;

const two = (number) => String(number).padStart(2, '0');

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Returns the local time: of today with milliseconds, if wanted, else with its date. */
function clock(ms, exact = true) {
  const time = new Date(ms);
  const text = `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
  const now = new Date(gateNow());
  const isToday = now.getDate() === time.getDate() && Math.abs(now - time) < 86_400_000;
  if (!isToday) return `${MONTHS[time.getMonth()]} ${time.getDate()} ${text}`;
  return exact ? `${text}.${String(time.getMilliseconds()).padStart(3, '0')}` : text;
}

/** Returns an element with the local time; its title is the time in UTC. */
function moment(ms, shown = clock(ms)) {
  const iso = new Date(ms).toISOString();
  return el('time', { datetime: iso, title: iso }, shown);
}

/** Returns an element with the local time in whole seconds. */
const when = (ms) => moment(ms, clock(ms, false));

/** Returns an element with the time since then, which stays right. */
function since(ms, suffix = ' ago') {
  const node = moment(ms, span(gateNow() - ms) + suffix);
  node.dataset.since = String(ms);
  node.dataset.suffix = suffix;
  return node;
}

/** Brings the spans of time on the page up to date. */
function tickTimes() {
  for (const node of document.querySelectorAll('time[data-since]')) {
    setText(node, span(gateNow() - Number(node.dataset.since)) + node.dataset.suffix);
  }
  for (const node of document.querySelectorAll('time[data-until]')) {
    setText(node, untilText(Number(node.dataset.until)));
  }
}

const shortId = (id) => `${id.slice(0, 8)}…${id.slice(-4)}`;

const encode = encodeURIComponent;

// ---------------------------------------------------------------------------------------- 4 parsers

/** A value of the gate has another shape than this console expects. */
class ShapeError extends Error {}

function unfit(at, wanted) {
  throw new ShapeError(`${at || 'the response'} is not ${wanted}`);
}

const asText = (value, at) => (typeof value === 'string' ? value : unfit(at, 'a text'));

const asNumber = (value, at) => (typeof value === 'number' && Number.isFinite(value) ? value : unfit(at, 'a number'));

const asFlag = (value, at) => (typeof value === 'boolean' ? value : unfit(at, 'true or false'));

const asId = (value, at) =>
  /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(asText(value, at)) ? value.toLowerCase() : unfit(at, 'an id');

/** Reads a time in RFC 3339, or in whole seconds as `status` has it, and returns milliseconds. */
function asTime(value, at) {
  const ms = typeof value === 'number' ? value * 1000 : Date.parse(asText(value, at));
  return Number.isFinite(ms) && Math.abs(ms) < 8e15 ? ms : unfit(at, 'a time');
}

const maybe =
  (parse, otherwise = null) =>
  (value, at) =>
    value === null || value === undefined ? otherwise : parse(value, at);

const asList = (parse) => (value, at) =>
  Array.isArray(value) ? value.map((item, index) => parse(item, `${at}[${index}]`)) : unfit(at, 'a list');

const isRecord = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Returns a parser of an object. It ignores further fields. */
function asObject(fields) {
  return (value, at = '') => {
    if (!isRecord(value)) unfit(at, 'an object');
    const parsed = {};
    for (const [name, parse] of Object.entries(fields)) {
      parsed[name] = parse(value[name], at ? `${at}.${name}` : name);
    }
    return parsed;
  };
}

/** Reads a list and leaves out the items that do not fit; `left` is their number. */
function fitting(value, parse) {
  if (!Array.isArray(value)) unfit('items', 'a list');
  const items = [];
  for (const item of value) {
    try {
      items.push(parse(item));
    } catch (error) {
      if (!(error instanceof ShapeError)) throw error;
    }
  }
  return { items, left: value.length - items.length };
}

/** Reads one page of a list. */
function asPage(parse) {
  return (value) => {
    if (!isRecord(value)) unfit('', 'an object');
    return { ...fitting(value.items, parse), next: maybe(asText)(value.next, 'next') };
  };
}

const asPair = (value, at) =>
  Array.isArray(value) && value.length === 2
    ? [asText(value[0], at), asText(value[1], at)]
    : unfit(at, 'a name and a value');

const asHeaders = asList(asPair);

/** @typedef {{id: string, at: number, verdict: string, reason: ?string, cause: ?string, endpoint: ?string, kind: ?string, status: ?number, bytes: number, ms: number, secret: ?string, peer: ?string, method: ?string, path: ?string, destination: ?string, copy: ?number, duplicate_of: ?string}} Row */
const rowShape = asObject({
  id: asId,
  at: asTime,
  verdict: asText,
  reason: maybe(asText),
  cause: maybe(asText),
  endpoint: maybe(asText),
  kind: maybe(asText),
  status: maybe(asNumber),
  bytes: maybe(asNumber, 0),
  ms: maybe(asNumber, 0),
  secret: maybe(asText),
  peer: maybe(asText),
  method: maybe(asText),
  path: maybe(asText),
  destination: maybe(asText),
  copy: maybe(asNumber),
  duplicate_of: maybe(asId),
});

const occurrence = asObject({ at: asTime, reason: asText });

const room = asObject({ taken: asNumber, limit: asNumber });

const emptyRoom = { taken: 0, limit: 0 };

const secretShape = asObject({
  secret: asText,
  matched: maybe(asNumber, 0),
  last_matched: maybe(asTime),
  counted_since: maybe(asTime),
});

const endpointShape = asObject({
  endpoint: asText,
  verdict: maybe(asFlag, false),
  verified: maybe(asNumber, 0),
  last_verified: maybe(asTime),
  rejected: maybe(asNumber, 0),
  last_rejected: maybe(occurrence),
  mismatches: maybe(asNumber, 0),
  mismatches_since: maybe(asTime),
  not_taken: maybe(asNumber, 0),
  last_not_taken: maybe(occurrence),
  late: maybe(
    asObject({
      rejected: maybe(asNumber, 0),
      delivered: maybe(asNumber, 0),
      waiting: maybe(asNumber, 0),
      trouble: maybe(asText),
    }),
  ),
  unidentified: maybe(asNumber, 0),
  last_unidentified: maybe(occurrence),
  secrets: maybe(asList(secretShape), []),
});

const destinationShape = asObject({
  destination: asText,
  taken: maybe(asNumber, 0),
  last_taken: maybe(asTime),
  failed: maybe(asNumber, 0),
  last_failed: maybe(occurrence),
});

const inboxShape = asObject({
  trouble: maybe(asText),
  events: maybe(room, emptyRoom),
  bytes: maybe(room, emptyRoom),
  waiting: maybe(
    asList(
      asObject({
        destination: maybe(asText, ''),
        configured: maybe(asFlag, true),
        down_since: maybe(asTime),
        pending: maybe(asNumber, 0),
        oldest: maybe(asTime),
        dead: maybe(asNumber, 0),
        quarantined: maybe(asNumber, 0),
      }),
    ),
    [],
  ),
});

const statusShape = asObject({
  version: maybe(asText, ''),
  now: asTime,
  started: maybe(asTime),
  ready: asFlag,
  needs: maybe(asList(asText), []),
  astray: maybe(asNumber, 0),
  last_astray: maybe(occurrence),
  endpoints: maybe(asList(endpointShape), []),
  destinations: maybe(asList(destinationShape), []),
  inbox: maybe(inboxShape),
  certificates: maybe(asList(asObject({ certificate: asText, ends: asTime })), []),
  connections: maybe(room, emptyRoom),
  connections_refused: maybe(asNumber, 0),
  memory: maybe(room, emptyRoom),
  configuration: maybe(asObject({ since: asTime, failed: maybe(asTime) })),
  log_lines_dropped: maybe(asNumber, 0),
  console: maybe(asText, 'look'),
  instance: maybe(asText),
});

const rateShape = asObject({
  at: asTime,
  endpoints: maybe(
    asList(
      asObject({
        endpoint: asText,
        accepted: maybe(asNumber, 0),
        stored: maybe(asNumber, 0),
        duplicate: maybe(asNumber, 0),
        failed: maybe(asNumber, 0),
        rejected: maybe(asNumber, 0),
      }),
    ),
    [],
  ),
  unmatched: maybe(asNumber, 0),
});

const diagnosisShape = asObject({
  cause: asText,
  certainty: maybe(asText),
  secret: maybe(asText),
  text: maybe(asText, ''),
  advice: maybe(asText, ''),
});

const rejectionShape = asObject({
  id: asId,
  received: asTime,
  endpoint: maybe(asText),
  peer: maybe(asText),
  source: maybe(asText),
  method: maybe(asText),
  target: maybe(asText),
  bytes: maybe(asNumber, 0),
  reason: maybe(asText),
  cause: maybe(asText),
  diagnosis: maybe(diagnosisShape),
  secret: maybe(asText),
  forwarded: maybe(asTime),
  late: maybe(asText),
  headers: maybe(asHeaders),
});

const storedShape = asObject({
  id: asId,
  endpoint: asText,
  destination: maybe(asText),
  kind: maybe(asText),
  state: asText,
  received: asTime,
  attempts: maybe(asNumber, 0),
  due: maybe(asTime),
  last: maybe(asTime),
  status: maybe(asNumber),
  reason: maybe(asText),
  response: maybe(asText),
  copy: maybe(asNumber, 0),
  seen: maybe(asNumber, 1),
  first_received: maybe(asTime),
  size: maybe(asNumber, 0),
});

const attemptShape = asObject({
  destination: maybe(asText),
  number: asNumber,
  started: asTime,
  ms: maybe(asNumber),
  result: maybe(asText),
  status: maybe(asNumber),
  reason: maybe(asText),
  response: maybe(asText),
});

const eventShape = asObject({
  id: asId,
  endpoint: asText,
  kind: maybe(asText),
  received: asTime,
  intact: maybe(asFlag, true),
  broken: maybe(asText),
  head: maybe(
    asObject({ method: asText, target: asText, secret: maybe(asText), peer: maybe(asText), headers: asHeaders }),
  ),
  deliveries: maybe(asList(storedShape), []),
  attempts: maybe(asList(attemptShape), []),
});

const deliveryShape = asObject({
  row: maybe(rowShape),
  received: maybe(asObject({ method: asText, target: asText, headers: asHeaders, omitted: maybe(asNumber, 0) })),
  forwarded: maybe(
    asList(
      asObject({
        destination: maybe(asText),
        method: asText,
        target: asText,
        headers: asHeaders,
        omitted: maybe(asNumber, 0),
      }),
    ),
    [],
  ),
  event: maybe(eventShape),
  rejection: maybe(asFlag, false),
});

const jobShape = asObject({
  id: asId,
  action: asText,
  state: asText,
  count: maybe(asNumber),
  done: maybe(asNumber, 0),
  skipped: maybe(asObject({ quarantined: maybe(asNumber, 0), unserved: maybe(asNumber, 0) }), {
    quarantined: 0,
    unserved: 0,
  }),
  rate: maybe(asNumber),
  error: maybe(asText),
  created: maybe(asTime),
  started: maybe(asTime),
  ended: maybe(asTime),
});

const testShape = asObject({
  status: maybe(asNumber),
  reason_phrase: maybe(asText),
  headers: maybe(asHeaders, []),
  body: maybe(asText, ''),
  truncated: maybe(asFlag, false),
  ms: maybe(asNumber),
  id: maybe((value) => (isId(value) ? value : null)),
  expected: maybe(asText),
  verdict: maybe(asText),
  explanation: maybe(asText),
});

// -------------------------------------------------------------------------------------------- 5 API

/** A request that did not succeed. */
class ApiError extends Error {
  /** @param {{status: number, reason?: string, title?: string, detail?: string}} problem */
  constructor({ status, reason = '', title = '', detail = '' }) {
    super(detail || title || `the gate responded with ${status}`);
    Object.assign(this, { status, reason });
  }
}

/** The statuses whose remedy differs from the gate's own words. */
const ADVICE = new Map([
  [0, 'The gate does not respond. Check that it runs; the console tries again by itself.'],
  [403, 'The gate does not allow this.'],
  [404, 'It no longer exists, or this gate does not have it.'],
  [421, 'The gate does not know this host name. Open the console under the address of `[admin] listen`.'],
  [429, 'Too many requests. Wait a moment, then try again.'],
  [503, 'The gate is busy or stops. Try again in a moment.'],
]);

/** Returns the sentence that a person needs. */
function explain(error) {
  if (error instanceof ShapeError) {
    return `The response of the gate is unexpected: ${error.message}. Reload the page: the gate may have another version now.`;
  }
  if (!(error instanceof ApiError)) return `The console failed: ${error.message}. Reload the page.`;
  const advice = ADVICE.get(error.status);
  if (error.reason === UNKNOWN_OUTCOME) {
    return 'The gate did not respond. The action may have happened all the same: look before you repeat it.';
  }
  if (error.status === 0) return advice;
  const said = error.message.replace(/[.\s]*$/, '.');
  return advice ? `${capital(said)} ${advice}` : capital(said);
}

const capital = (sentence) => sentence.charAt(0).toUpperCase() + sentence.slice(1);

/** The reason of an error after which an action may have happened. */
const UNKNOWN_OUTCOME = 'unknown-outcome';

/** The time after which a request has failed. */
const REQUEST_TIMEOUT = 30_000;

/** The place of the page key, which only pages of this origin can read, unlike the cookie. */
const PAGE_KEY = 'cartgate-key';

/** The key of a browser that keeps nothing. It lasts until the page is closed. */
let heldKey = '';

function pageKey() {
  try {
    return localStorage.getItem(PAGE_KEY) ?? heldKey;
  } catch {
    return heldKey;
  }
}

function keepPageKey(key) {
  heldKey = key;
  try {
    if (key) localStorage.setItem(PAGE_KEY, key);
    else localStorage.removeItem(PAGE_KEY);
  } catch {
    // `heldKey` has it.
  }
}

/** Returns the header that is the page's half of a session. */
const keyHeader = (key = pageKey()) => (key ? { 'x-cartgate-key': key } : {});

/** Takes the key of a new session out of the address. */
async function takePageKey() {
  const [, key] = /^#key=([\w-]{43})$/.exec(location.hash) ?? [];
  if (!key) return;
  history.replaceState(null, '', location.pathname);
  // The link of a stranger must not end the session that the browser has.
  const isRefused = await fetch('/api/v1/status', { headers: keyHeader(key), credentials: 'same-origin' }).then(
    ({ status }) => status === 401,
    () => false,
  );
  if (!isRefused) keepPageKey(key);
}

/**
 * Sends a request to the API, and returns the response if it is a success.
 * @param {string} path below `/api/v1`, or absolute
 * @param {{method?: string, json?: unknown, signal?: AbortSignal}} [options]
 */
async function request(path, { method = 'GET', json, signal } = {}) {
  const timeout = AbortSignal.timeout(REQUEST_TIMEOUT);
  const init = {
    method,
    credentials: 'same-origin',
    redirect: 'error',
    headers: keyHeader(),
    signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
  };
  if (json !== undefined) {
    init.body = JSON.stringify(json);
    init.headers['content-type'] = 'application/json';
  }
  let response;
  try {
    response = await fetch(path.startsWith('/') ? path : `/api/v1/${path}`, init);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError({ status: 0, reason: method === 'GET' ? '' : UNKNOWN_OUTCOME, title: error.message });
  }
  if (response.ok) return response;
  const problem = await problemOf(response);
  if (response.status === 401 && path !== '/login') endSession();
  throw problem;
}

async function problemOf(response) {
  const { status } = response;
  let body = {};
  try {
    body = JSON.parse(await response.text());
  } catch {
    // Another server may respond with a page; the status says enough.
  }
  const field = (name) => (isRecord(body) && typeof body[name] === 'string' ? visible(body[name], 500) : undefined);
  return new ApiError({
    status,
    reason: field('reason'),
    title: field('title') || response.statusText,
    detail: field('detail'),
  });
}

/** Sends a request and parses its JSON. */
async function api(path, parse, options) {
  const response = await request(path, options);
  if (response.status === 204) return parse(null);
  let value;
  try {
    value = await response.json();
  } catch (error) {
    if (options?.signal?.aborted) throw error;
    throw new ShapeError('it is not JSON');
  }
  return parse(value);
}

const post = (path, parse, json, options = {}) => api(path, parse, { method: 'POST', json, ...options });

/** Returns a query with the values that are set. A list repeats its name. */
function query(values) {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== null && one !== undefined) search.append(name, one);
    }
  }
  const text = search.toString();
  return text ? `?${text}` : '';
}

const wasAborted = (error) => error?.name === 'AbortError';

// ------------------------------------------------------------------------------------------ 6 state

/** What the page knows of the gate. Changes are events of `bus`. */
const state = {
  /** @type {?ReturnType<typeof statusShape>} */
  status: null,
  /** @type {Row[]} the newest first */
  rows: [],
  /** Deliveries that the gate counted but did not list. */
  skipped: 0,
  /** Rows that were left out because they have another shape. */
  unreadable: 0,
  /** Rows that have arrived since the page was opened. */
  arrived: 0,
};

const bus = new EventTarget();

const emit = (name, detail) => bus.dispatchEvent(new CustomEvent(name, { detail }));

const on = (name, handler, signal) => bus.addEventListener(name, (event) => handler(event.detail), { signal });

const mayAct = () => state.status?.console === 'act';

const rowById = new Map();

/** Causes that arrived before their rows. */
const earlyCauses = new Map();

const newestFirst = (one, other) => other.at - one.at || (other.id < one.id ? -1 : 1);

/** Adds rows that are not known yet. Returns their number. */
function addRows(items) {
  const fresh = [];
  for (const row of items) {
    if (rowById.has(row.id)) continue;
    const early = earlyCauses.get(row.id);
    if (early) Object.assign(row, early);
    rowById.set(row.id, row);
    fresh.push(row);
  }
  if (fresh.length === 0) return 0;
  state.rows = bounded(fresh.concat(state.rows).sort(newestFirst));
  state.arrived += fresh.length;
  emit('rows', fresh);
  return fresh.length;
}

const isRejected = (row) => row.verdict === 'rejected';

/** Drops the oldest rows beyond the limit. A flood of forgeries leaves half of it to other requests. */
function bounded(rows) {
  if (rows.length <= MOST_ROWS) return rows;
  const half = MOST_ROWS / 2;
  const rejected = rows.filter(isRejected).length;
  const others = rows.length - rejected;
  const left = { true: Math.max(half, MOST_ROWS - others), false: Math.max(half, MOST_ROWS - rejected) };
  return rows.filter((row) => {
    left[isRejected(row)] -= 1;
    const isKept = left[isRejected(row)] >= 0;
    if (!isKept) rowById.delete(row.id);
    return isKept;
  });
}

function addCause({ id, cause, text }) {
  const row = rowById.get(id);
  if (row) {
    Object.assign(row, { cause, causeText: text });
    emit('cause', row);
    return;
  }
  earlyCauses.set(id, { cause, causeText: text });
  if (earlyCauses.size > 200) earlyCauses.delete(earlyCauses.keys().next().value);
}

async function loadStatus(signal) {
  const status = await api('status', statusShape, { signal });
  const difference = status.now - Date.now();
  // The report has whole seconds.
  skew = Math.abs(difference) > 2000 ? difference : 0;
  state.status = status;
  emit('status', status);
  return status;
}

/** Loads the gate's ring, which fills the gap of a lost stream. */
async function loadRows() {
  const { items, left } = await api(`deliveries?limit=${MOST_ROWS}`, asPage(rowShape));
  state.unreadable += left;
  addRows(items);
  emit('loaded');
}

// ----------------------------------------------------------------------------------------- 7 stream

/** The silence after which a stream is dead. The gate sends rates each second. */
const STREAM_SILENCE = 10_000;

/** The time in the background after which the page leaves the stream: the gate works for viewers. */
const BACKGROUND = 300_000;

const stream = {
  /** @type {?EventSource} */
  source: null,
  lastEvent: 0,
  retryIn: 1000,
  timer: 0,
  lostAt: 0,
  background: 0,
};

function setStream(name, words) {
  document.documentElement.dataset.stream = name;
  setText(byId('stream-text'), words);
}

function openStream() {
  closeStream();
  const source = new EventSource(`/api/v1/events${query({ key: pageKey() || null })}`);
  stream.source = source;
  stream.lastEvent = Date.now();
  source.addEventListener('open', () => void streamOpened());
  source.addEventListener('error', () => streamFailed(source));
  const listen = (name, take) => source.addEventListener(name, (event) => takeEvent(event, take));
  listen('deliveries', (data) => {
    const { items, left } = fitting(data.items, rowShape);
    state.unreadable += left;
    state.skipped += maybe(asNumber, 0)(data.skipped, 'skipped');
    if (addRows(items) === 0) emit('rows', []);
  });
  listen('cause', (data) => addCause(asObject({ id: asId, cause: asText, text: maybe(asText, '') })(data)));
  listen('rates', (data) => emit('rates', rateShape(data)));
  listen('inbox', (data) => {
    if (state.status) state.status.inbox = inboxShape(data);
    emit('inbox');
  });
  listen('status', (data) => {
    const { ready, problems } = asObject({ ready: asFlag, problems: maybe(asList(asText), []) })(data);
    if (!state.status) return;
    Object.assign(state.status, { ready, needs: problems });
    emit('status', state.status);
  });
  source.addEventListener('end', () => {
    closeStream();
    stream.lostAt = Date.now();
    setStream('ended', 'The gate stops');
    retryStream();
  });
}

function takeEvent(event, take) {
  stream.lastEvent = Date.now();
  try {
    const data = JSON.parse(event.data);
    if (isRecord(data)) take(data);
  } catch (error) {
    // An event of another version must not end the others.
    if (!(error instanceof ShapeError || error instanceof SyntaxError)) throw error;
    state.unreadable += 1;
  }
}

async function streamOpened() {
  stream.retryIn = 1000;
  stream.lostAt = 0;
  setStream('live', 'Live');
  try {
    await loadStatus();
    await loadRows();
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return;
    toast(explain(error), 'bad');
  }
}

function streamFailed(source) {
  if (stream.source !== source) return;
  stream.lostAt ||= Date.now();
  setStream('waiting', 'Reconnecting');
  // The browser retries by itself unless the response was an error.
  if (source.readyState === EventSource.CLOSED) retryStream();
}

function retryStream() {
  closeStream();
  stream.timer = setTimeout(async () => {
    stream.retryIn = Math.min(stream.retryIn * 1.6, 10_000);
    try {
      await loadStatus();
      openStream();
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return;
      setStream('waiting', 'Reconnecting');
      retryStream();
    }
  }, stream.retryIn);
}

function closeStream() {
  clearTimeout(stream.timer);
  stream.source?.close();
  stream.source = null;
}

/** Notices a stream that is silent, and shows how long the gate has been away. */
function watchStream() {
  const { dataset } = document.documentElement;
  if (dataset.stream === 'waiting' && stream.lostAt) {
    setText(byId('stream-text'), `Reconnecting for ${span(Date.now() - stream.lostAt)}`);
  }
  if (stream.source && dataset.stream === 'live' && Date.now() - stream.lastEvent > STREAM_SILENCE) {
    stream.lostAt = stream.lastEvent;
    setStream('waiting', 'Reconnecting');
    retryStream();
  }
}

function watchBackground() {
  clearTimeout(stream.background);
  if (document.hidden) {
    stream.background = setTimeout(() => {
      closeStream();
      setStream('off', 'Asleep in the background');
    }, BACKGROUND);
  } else if (document.documentElement.dataset.stream === 'off' && session.isOpen) {
    openStream();
  }
}

// ----------------------------------------------------------------------------------------- 8 router

/** The views, by the first part of the address behind `#/`. Each gets its context when it opens. */
const VIEWS = {
  live: { title: 'Live', open: liveView },
  rejected: { title: 'Rejected', open: rejectedView },
  inbox: { title: 'Inbox', open: inboxView },
  delivery: { title: 'Delivery', open: deliveryView },
  compare: { title: 'Compare', open: compareView },
  health: { title: 'Health', open: healthView },
  profile: { title: 'Profile', open: profileView },
};

const router = {
  /** @type {?AbortController} ends the listeners and requests of the view that is left */
  leave: null,
  name: '',
  /** The list from which a delivery was opened, for Esc and for the focus. */
  from: '#/live',
  lastOpened: '',
  /** The keys of the view. */
  keys: {},
};

function address() {
  const [path, search = ''] = location.hash.replace(/^#\/?/, '').split('?', 2);
  const [name, ...rest] = path.split('/');
  let parts = [];
  try {
    parts = rest.map(decodeURIComponent);
  } catch {
    // A broken escape names nothing.
  }
  return { name: Object.hasOwn(VIEWS, name) ? name : 'live', parts, params: new URLSearchParams(search) };
}

/** Opens the view of the address. */
function route() {
  if (!session.isOpen) return;
  const { name, parts, params } = address();
  router.leave?.abort();
  router.leave = new AbortController();
  const isFirst = router.name === '';
  if (name === 'delivery' && ['live', 'rejected', 'inbox'].includes(router.name)) router.from = router.hash;
  router.name = name;
  router.hash = location.hash || '#/live';
  router.keys = {};
  document.documentElement.dataset.view = name;
  for (const link of document.querySelectorAll('nav a[data-view]')) {
    const current = link.dataset.view === name;
    link.toggleAttribute('aria-current', current);
    if (current) link.setAttribute('aria-current', 'page');
  }
  setTitle(VIEWS[name].title);
  const root = refill(byId('view'));
  window.scrollTo(0, 0);
  // Before the view opens, because a list gives the focus back to its row.
  if (!isFirst) byId('title').focus({ preventScroll: true });
  VIEWS[name].open({ root, parts, params, signal: router.leave.signal, keys: router.keys });
}

function setTitle(title, ...more) {
  refill(byId('title'), title, ...more);
  router.title = title;
  showProblems();
}

/** Keeps the filters of a view in the address, without an entry in the history. */
function keepFilters(name, filters) {
  const set = Object.entries(filters).filter(([, value]) => value.length > 0);
  const search = set.map(([key, value]) => `${key}=${[value].flat().map(encode).join(',')}`).join('&');
  const hash = `#/${name}${search ? `?${search}` : ''}`;
  if (hash !== location.hash) history.replaceState(null, '', hash);
  router.hash = hash;
}

const listOf = (params, name) => (params.get(name) ?? '').split(',').filter(Boolean);

// ---------------------------------------------------------------------------------------- 9 widgets

/** Tells screen readers, and nobody else. */
const announce = (words) => setText(byId('announcer'), words);

/** Shows a message for a while. */
function toast(words, tone = 'good') {
  const node = el(
    'div',
    { class: `toast toast-${tone}` },
    el('p', {}, words),
    button('Dismiss', () => node.remove(), { class: 'quiet' }),
  );
  const toasts = byId('toasts');
  toasts.append(node);
  while (toasts.children.length > 3) toasts.firstChild.remove();
  setTimeout(() => node.remove(), tone === 'bad' ? 15_000 : 6000);
}

/** Copies a text, also on a page without TLS, where the clipboard's API is absent. */
async function copy(words, what) {
  try {
    await navigator.clipboard.writeText(words);
  } catch {
    const area = el('textarea', { class: 'sr', 'aria-hidden': 'true', value: words });
    const home = document.querySelector('dialog[open]') ?? document.body;
    home.append(area);
    area.select();
    const copied = document.execCommand('copy');
    area.remove();
    if (!copied) {
      toast('The browser does not allow copying here. Select the text and copy it.', 'bad');
      return;
    }
  }
  toast(`${what} copied.`);
}

/** Returns a block of text that can be copied. */
function copyBlock(words, what, shown = words) {
  return el(
    'div',
    { class: 'copyblock' },
    el('pre', { tabindex: '0' }, el('code', {}, shown)),
    button('Copy', () => copy(words, what), { 'aria-label': `Copy: ${what}` }),
  );
}

/** Returns an error with its remedy. */
function errorBox(error, retry) {
  return el(
    'div',
    { class: 'notice notice-bad', role: 'alert' },
    prose(explain(error)),
    retry && button('Try again', retry),
  );
}

/** Returns the text for an empty list: what appears here, and how. */
function emptyBox(title, ...more) {
  return el('div', { class: 'empty' }, el('p', { class: 'empty-title' }, title), more);
}

const waitBox = (words) => el('p', { class: 'wait' }, words);

/** Loads into a node: shows the wait, the content or the error with a retry. */
async function loadInto(node, signal, load, draw) {
  try {
    const value = await load();
    if (!signal.aborted) refill(node, draw(value));
  } catch (error) {
    if (signal.aborted || wasAborted(error)) return;
    refill(
      node,
      errorBox(error, () => {
        refill(node, waitBox('Loading…'));
        void loadInto(node, signal, load, draw);
      }),
    );
  }
}

const LOOK_ONLY =
  'This console may look, but not act. To enable actions, set `console = "act"` under `[admin]` in the configuration file, and reload the gate.';

/** Returns a button for an action that changes something. It explains itself while it may not. */
function actButton(label, onclick, attributes = {}) {
  const run = () => (mayAct() ? onclick() : void explainLookOnly());
  const node = button(label, run, { 'data-act': true, ...attributes });
  permit(node);
  return node;
}

function permit(node) {
  node.toggleAttribute('data-denied', !mayAct());
  if (mayAct()) node.removeAttribute('aria-disabled');
  else node.setAttribute('aria-disabled', 'true');
}

function explainLookOnly() {
  const { box, body } = openDialog({ title: 'Actions are off' });
  fill(body, prose(LOOK_ONLY), copyBlock('[admin]\nconsole = "act"', 'Setting'));
  fill(
    box,
    el(
      'div',
      { class: 'dialog-foot' },
      button('Close', () => box.close(), { class: 'primary' }),
    ),
  );
}

/** Shows the failure of an action. */
function failAction(error) {
  if (wasAborted(error)) return;
  if (error instanceof ApiError && error.reason === 'console-looks-only') {
    if (state.status) state.status.console = 'look';
    showPermission();
    explainLookOnly();
    return;
  }
  toast(explain(error), 'bad');
}

function showPermission() {
  for (const node of document.querySelectorAll('[data-act]')) permit(node);
  const concerned = ['rejected', 'inbox', 'health'].includes(router.name);
  const notice = byId('look-only');
  notice.hidden = mayAct() || !concerned || !state.status;
  if (!notice.hidden) refill(notice, prose(LOOK_ONLY));
}

/** Opens a modal dialog. It leaves the page when it is closed. */
function openDialog({ title, id = '', onclose }) {
  const heading = el('h2', { id: 'dialog-title' }, title);
  const body = el('div', { class: 'dialog-body' });
  const box = el('dialog', { 'aria-labelledby': 'dialog-title', id: id || null, class: 'dialog' }, heading, body);
  box.addEventListener('close', () => {
    box.remove();
    onclose?.();
  });
  document.body.append(box);
  box.showModal();
  return { box, heading, body };
}

/** Asks for a confirmation. */
function confirmed({ title, words, yes }) {
  return new Promise((resolve) => {
    let answer = false;
    const { box, body } = openDialog({ title, onclose: () => resolve(answer) });
    const agree = () => {
      answer = true;
      box.close();
    };
    fill(
      body,
      words.map((sentence) => (sentence instanceof Node ? sentence : prose(sentence))),
    );
    const start = button(yes, agree, { class: 'primary' });
    fill(
      box,
      el(
        'div',
        { class: 'dialog-foot' },
        button('Cancel', () => box.close()),
        start,
      ),
    );
    start.focus();
  });
}

/**
 * Returns a labelled list of choices; the first one, without a value, chooses all.
 * @param {{id: string, label: string, all: string, options?: string[], labels?: Map<string, string>, value: string, onchange: (value: string) => void}} spec
 */
function picker({ id, label, all, options = [], labels = null, value, onchange }) {
  const select = el('select', { id, onchange: () => onchange(select.value) }, el('option', { value: '' }, all));
  const known = new Set();
  const offer = (values) => {
    const before = known.size;
    for (const one of values) if (one && known.size < 100) known.add(one);
    if (known.size === before) return;
    const chosen = select.value || value;
    const sorted = labels ? [...known] : [...known].sort();
    refill(
      select,
      el('option', { value: '' }, all),
      sorted.map((one) => el('option', { value: one }, labels?.get(one) ?? visible(one, 60))),
    );
    select.value = chosen;
  };
  offer(labels ? labels.keys() : [...options, value]);
  select.value = value;
  const node = el('label', { class: 'field', for: id }, el('span', { class: 'field-label' }, label), select);
  return { node, select, offer };
}

/**
 * Returns the filters of a view: their controls, and their values, which stay in the address.
 * @param {{view: string, params: URLSearchParams, words?: {name: string, label: string, known: Map<string, {mark: string, meaning: string}>}, choices: {name: string, label: string, all: string, options?: string[], labels?: Map<string, string>}[], search: {name: string, label: string, hint: string}, onchange: () => void}} spec
 */
function filterBar({ view, params, words = null, choices, search, onchange }) {
  const values = {};
  const chosen = new Set(words ? listOf(params, words.name) : []);
  if (words) values[words.name] = chosen;
  const pickers = new Map();
  for (const { name, ...spec } of choices) {
    const given = params.get(name) ?? '';
    values[name] = spec.labels && !spec.labels.has(given) ? '' : given;
    pickers.set(
      name,
      picker({ ...spec, id: `filter-${name}`, value: values[name], onchange: (value) => set(name, value) }),
    );
  }
  values[search.name] = params.get(search.name) ?? '';
  const field = searchField({
    ...search,
    id: 'filter-q',
    value: values[search.name],
    onchange: (value) => set(search.name, value),
  });
  const marks = words && switches({ label: words.label, words: words.known, chosen, onchange: changed });
  const isSet = () => Object.values(values).some((value) => (value.size ?? value.length) > 0);
  const clear = button('Clear filters', clearAll, { class: 'quiet', hidden: !isSet() });
  const fields = el(
    'div',
    { class: 'fields' },
    [...pickers.values()].map((one) => one.node),
    field.node,
  );
  const node = el('div', { class: 'toolbar', role: 'search', 'aria-label': 'Filters' }, marks?.node, fields);

  function set(name, value) {
    values[name] = value;
    changed();
  }

  function changed() {
    keepFilters(view, words ? { ...values, [words.name]: [...chosen] } : values);
    clear.hidden = !isSet();
    onchange();
  }

  function clearAll() {
    marks?.clear();
    for (const [name, one] of pickers) values[name] = one.select.value = '';
    values[search.name] = field.input.value = '';
    changed();
  }

  return {
    node,
    values,
    isSet,
    clear,
    focus: () => field.input.focus(),
    offer: (name, items) => pickers.get(name).offer(items),
    showCounts: (numbers) => marks.show(numbers),
  };
}

/** Keeps the rows of items that have not changed, so that a refresh disturbs neither focus nor a click. */
function keptRows(body, keyOf, line) {
  let kept = new Map();
  return (items) => {
    const rows = new Map();
    for (const item of items) {
      const [key, json] = [keyOf(item), JSON.stringify(item)];
      const old = kept.get(key);
      rows.set(key, old?.json === json ? old : { json, node: line(item) });
    }
    kept = rows;
    let place = body.firstChild;
    for (const { node } of rows.values()) {
      if (node === place) place = place.nextSibling;
      else body.insertBefore(node, place);
    }
    while (place) {
      const extra = place;
      place = place.nextSibling;
      extra.remove();
    }
  };
}

/** Returns a row of switches with a mark, a word and a count. */
function switches({ label, words, chosen, onchange }) {
  const counts = new Map();
  const buttons = [...words].map(([word, { mark: shape, meaning }]) => {
    const number = el('span', { class: 'switch-count' });
    counts.set(word, number);
    const node = button([mark(shape), el('span', {}, word), number], toggle, {
      class: `switch tone-${word}`,
      'aria-pressed': String(chosen.has(word)),
      title: meaning,
      'data-word': word,
    });
    function toggle() {
      if (!chosen.delete(word)) chosen.add(word);
      node.setAttribute('aria-pressed', String(chosen.has(word)));
      onchange();
    }
    return node;
  });
  const node = el('div', { class: 'switches', role: 'group', 'aria-label': label }, buttons);
  const show = (numbers) =>
    counts.forEach((place, word) => setText(place, numbers.has(word) ? count(numbers.get(word)) : ''));
  const clear = () => {
    chosen.clear();
    for (const one of buttons) one.setAttribute('aria-pressed', 'false');
  };
  return { node, show, clear };
}

/** Returns a search field that takes effect while one types. */
function searchField({ id, label, hint, value, onchange }) {
  const input = el('input', {
    id,
    type: 'search',
    value,
    placeholder: hint,
    spellcheck: 'false',
    autocomplete: 'off',
    oninput: () => onchange(input.value.trim()),
  });
  return {
    node: el('label', { class: 'field field-search', for: id }, el('span', { class: 'field-label' }, label), input),
    input,
  };
}

/** Returns an empty table with its headings. A heading is a text, or a text and a class. */
function table({ label, headings, bodyId, className = '' }) {
  const cells = headings.map((heading) => {
    const [words, cls] = [heading].flat();
    return el(
      'th',
      { scope: 'col', class: cls, role: 'columnheader' },
      words || el('span', { class: 'sr' }, 'Actions'),
    );
  });
  const body = el('tbody', { id: bodyId, role: 'rowgroup' });
  const node = el(
    'table',
    { class: `table ${className}`, role: 'table', 'aria-label': label },
    el('thead', { role: 'rowgroup' }, el('tr', { role: 'row' }, cells)),
    body,
  );
  return { node, body };
}

/** Returns a cell. On a narrow page, where rows are cards, `name` labels it. */
const cell = (name, className, ...children) =>
  el('td', { role: 'cell', class: className, 'data-label': name }, children);

/** Returns the use of a limited resource as a bar with its numbers. */
function gauge(label, { taken, limit }, format = count) {
  const part = limit > 0 ? Math.min(1, taken / limit) : 0;
  const bar = el(
    'span',
    { class: `gauge-bar ${part >= 0.8 ? 'gauge-high' : ''}`, 'aria-hidden': 'true' },
    el('span', { class: 'gauge-fill' }),
  );
  bar.firstChild.style.inlineSize = `${(part * 100).toFixed(1)}%`;
  const words = limit > 0 ? `${format(taken)} of ${format(limit)}` : format(taken);
  return el(
    'div',
    { class: 'gauge' },
    el('span', { class: 'gauge-label' }, label),
    bar,
    el('span', { class: 'gauge-value' }, words, limit > 0 ? ` (${Math.round(part * 100)} %)` : ''),
  );
}

/** Returns a section with its heading. */
function section(title, attributes, ...children) {
  const headingId = `heading-${title.toLowerCase().replace(/[^a-z]+/g, '-')}`;
  return el(
    'section',
    { 'aria-labelledby': headingId, ...attributes },
    el('h2', { id: headingId }, visible(title, 80)),
    children,
  );
}

/** Returns a list of names and values, without the values that are absent. */
function facts(...pairs) {
  const present = pairs.filter(([, value]) => value !== null && value !== undefined && value !== false && value !== '');
  return el(
    'dl',
    { class: 'facts' },
    present.map(([name, value]) => el('div', {}, el('dt', {}, name), el('dd', {}, value))),
  );
}

/** Moves the focus between the rows of the view's list. */
function moveFocus(step) {
  const links = [...byId('view').querySelectorAll('a.row-link')];
  if (links.length === 0) return;
  const row = document.activeElement?.closest?.('[data-id]');
  const current = row ? links.indexOf(row.querySelector('a.row-link')) : -1;
  const next =
    current < 0
      ? (links.find((link) => link.closest('[data-id]').dataset.id === router.lastOpened) ?? links[0])
      : links[Math.min(links.length - 1, Math.max(0, current + step))];
  next.focus({ preventScroll: true });
  next.closest('tr').scrollIntoView({ block: 'nearest' });
}

/** Returns the row that has the focus. */
const focusedRow = () => document.activeElement?.closest?.('#view [data-id]') ?? null;

/** Gives the focus back to the row that was opened, if the keyboard opened it. */
function restoreFocus() {
  if (!router.byKeyboard || !router.lastOpened) return;
  const link = byId('view').querySelector(`[data-id="${CSS.escape(router.lastOpened)}"] a.row-link`);
  router.byKeyboard = false;
  link?.focus();
}

const rowLink = (rowId, label) =>
  el(
    'a',
    { class: 'row-link id', href: `#/delivery/${encode(rowId)}`, title: rowId, 'aria-label': label },
    shortId(rowId),
  );

// ------------------------------------------------------------------------------------------ 10 jobs

/** The actions on stored deliveries. `n` is "3 deliveries", `to` and `from` are destinations. */
const ACTIONS = {
  retry: {
    title: 'Retry',
    states: ['pending', 'dead', 'quarantined'],
    bulkStates: ['pending', 'dead'],
    question: ({ n, to }) => `Retry ${n} to ${to} now?`,
    note: 'Due at once, whatever the schedule says.',
    yes: ({ n }) => `Retry ${n}`,
    running: 'Making deliveries due',
    ended: ({ n }) => `${n} due now. The next attempt begins at once if the destination is up.`,
  },
  replay: {
    title: 'Replay',
    states: ['delivered', 'dead'],
    bulkStates: ['delivered', 'dead'],
    question: ({ n, to }) => `Deliver ${n} to ${to} again?`,
    note: 'The app receives the same bytes once more, with the same `X-Cartgate-Delivery`.',
    yes: ({ n }) => `Replay ${n}`,
    running: 'Making deliveries due',
    ended: ({ n }) => `${n} due now. The next attempt begins at once if the destination is up.`,
  },
  move: {
    title: 'Move',
    states: ['pending', 'dead'],
    bulkStates: ['pending', 'dead'],
    question: ({ n, to, target }) => `Move ${n} from ${to} to ${target}?`,
    note: 'Due at the new destination at once. The old one does not receive them.',
    yes: ({ n }) => `Move ${n}`,
    running: 'Moving deliveries',
    ended: ({ n }) => `${n} moved.`,
  },
  purge: {
    title: 'Purge',
    states: ['pending', 'dead', 'quarantined', 'delivered'],
    bulkStates: ['pending', 'dead', 'quarantined', 'delivered'],
    question: ({ n, to }) => `Delete ${n} for ${to} for good?`,
    note: 'This cannot be undone, and no app receives what is purged.',
    yes: ({ n }) => `Delete ${n} for good`,
    running: 'Deleting deliveries',
    ended: ({ n }) => `${n} deleted.`,
  },
};

const deliveries = (number) => counted(number, 'delivery', 'deliveries');

const isOver = (job) => ['done', 'cancelled', 'failed'].includes(job.state);

/**
 * Opens the dialog of a job: it counts, asks, runs and can be cancelled.
 * @param {{action: string, selection: object, to: string, scope: string, targets?: string[]}} plan
 */
function openJob({ action, selection, to, scope, targets = [] }) {
  const words = ACTIONS[action];
  let job = null;
  let countedFor = '';
  const { box, heading, body } = openDialog({ title: words.title, id: 'job', onclose: leave });
  const rate = el('input', {
    id: 'job-rate',
    type: 'number',
    min: '0.1',
    step: 'any',
    inputmode: 'decimal',
    placeholder: 'no limit',
  });
  const target = el(
    'select',
    { id: 'job-target', onchange: () => void countNow() },
    el('option', { value: '' }, 'Choose a destination'),
    targets.map((name) => el('option', { value: name }, visible(name, 60))),
  );
  const answer = el('div', { class: 'job-answer', 'aria-live': 'polite' });
  const foot = el('div', { class: 'dialog-foot' });
  const limit = el(
    'details',
    { class: 'job-options', hidden: true },
    el('summary', {}, 'Limit the rate'),
    el(
      'label',
      { class: 'field', for: 'job-rate' },
      el('span', { class: 'field-label' }, 'Deliveries per second'),
      rate,
    ),
    prose('An app that was down may need time to work off a queue.', { class: 'hint' }),
  );
  fill(
    body,
    el('p', { class: 'job-scope' }, 'Selection: ', scope),
    action === 'move' &&
      el(
        'label',
        { class: 'field', for: 'job-target' },
        el('span', { class: 'field-label' }, 'To destination'),
        target,
      ),
    answer,
    limit,
  );
  box.append(foot);

  const settings = () => ({ to: target.value || null, rate: rate.value ? Number(rate.value) : null });
  const numbers = () => ({ n: deliveries(job.count ?? 0), to, target: target.value });
  const closing = button('Close', () => box.close(), { id: 'job-close' });

  function leave() {
    if (job?.state === 'counted') void request(`inbox/jobs/${encode(job.id)}`, { method: 'DELETE' }).catch(() => {});
    emit('jobs');
  }

  function fail(error) {
    if (error.reason === 'console-looks-only') {
      box.close();
      failAction(error);
      return;
    }
    refill(answer, errorBox(error));
    refill(
      foot,
      button('Count again', () => void countNow()),
      closing,
    );
  }

  async function countNow() {
    if (job?.state === 'counted') void request(`inbox/jobs/${encode(job.id)}`, { method: 'DELETE' }).catch(() => {});
    job = null;
    refill(foot, closing);
    if (action === 'move' && !target.value) {
      refill(answer, prose('Choose the destination. Then the gate counts the deliveries; nothing moves yet.'));
      return;
    }
    refill(answer, waitBox('The gate counts the deliveries…'));
    try {
      const asked = settings();
      job = await post('inbox/jobs', jobShape, { action, selection, ...asked });
      countedFor = JSON.stringify(asked);
      if (box.open) ask();
      else leave();
    } catch (error) {
      fail(error);
    }
  }

  function ask() {
    if (!job.count) {
      refill(answer, prose('Nothing is selected: no delivery has these filters in a state that allows it.'));
      closing.focus();
      return;
    }
    setText(heading, words.question(numbers()));
    const start = actButton(words.yes(numbers()), () => void run(), {
      id: 'job-start',
      class: action === 'purge' ? 'danger' : 'primary',
    });
    refill(answer, prose(words.note));
    limit.hidden = job.count < 2 || action === 'purge';
    if (action === 'purge') fill(answer, typedCount(start));
    refill(foot, closing, start);
    setText(closing, 'Cancel');
    (action === 'purge' ? byId('job-typed') : start).focus();
  }

  /** Returns the field into which one types the count of a purge. */
  function typedCount(start) {
    const wanted = String(job.count);
    const typed = el('input', {
      id: 'job-typed',
      inputmode: 'numeric',
      autocomplete: 'off',
      oninput: check,
      onkeydown: enter,
    });
    function check() {
      start.disabled = typed.value.replace(/[\s,.]/g, '') !== wanted;
    }
    function enter(event) {
      if (event.key === 'Enter' && !start.disabled) start.click();
    }
    start.disabled = true;
    return el(
      'label',
      { class: 'field', for: 'job-typed' },
      el('span', { class: 'field-label' }, `Type ${wanted} to confirm`),
      typed,
    );
  }

  async function run() {
    try {
      if (countedFor !== JSON.stringify(settings())) {
        const before = job.count;
        await countNow();
        // Another number needs another confirmation.
        if (!job || job.count !== before) return;
      }
      job = await post(`inbox/jobs/${encode(job.id)}/start`, jobShape);
      await follow();
    } catch (error) {
      fail(error);
    }
  }

  async function follow() {
    const progress = jobProgress();
    const cancel = button('Cancel the rest', stop, { id: 'job-cancel' });
    limit.hidden = true;
    setText(closing, 'Continue in the background');
    refill(answer, prose(`${words.running}…`), progress.node);
    refill(foot, cancel, closing);
    closing.focus();
    async function stop() {
      cancel.disabled = true;
      await request(`inbox/jobs/${encode(job.id)}`, { method: 'DELETE' }).catch(failAction);
    }
    for (let failures = 0; !isOver(job);) {
      progress.show(job);
      await new Promise((resolve) => setTimeout(resolve, 400));
      try {
        job = await api(`inbox/jobs/${encode(job.id)}`, jobShape);
        failures = 0;
      } catch (error) {
        failures += 1;
        if (failures > 5 || error.status === 404) throw error;
      }
    }
    progress.show(job);
    end();
  }

  function end() {
    const outcome = jobOutcome(job);
    emit('jobs');
    announce(outcome.join(' '));
    if (!box.open) {
      toast(outcome.join(' '), job.state === 'failed' ? 'bad' : 'good');
      return;
    }
    setText(
      heading,
      job.state !== 'done' ? capital(job.state) : action === 'retry' || action === 'replay' ? 'Due now' : 'Done',
    );
    if (job.state === 'done' && action !== 'purge') outcome.push(...downWords(selection.destination ?? target.value));
    refill(
      answer,
      outcome.map((sentence) => prose(sentence)),
    );
    setText(closing, 'Close');
    closing.classList.add('primary');
    refill(foot, closing);
    closing.focus();
  }

  void countNow();
}

/** Returns the sentence about a destination that is down. */
const downWords = (name) =>
  name && isDown(name) ? [`${capital(visible(name, 60))} is down: the deliveries stay pending until it is back.`] : [];

/** Returns the bar of a job. */
function jobProgress() {
  const bar = el('progress', { id: 'job-progress', max: '1', value: 0, 'aria-label': 'Progress' });
  const words = el('p', { class: 'job-numbers' });
  const show = (job) => {
    const { quarantined, unserved } = job.skipped;
    const passed = job.done + quarantined + unserved;
    bar.max = Math.max(1, job.count ?? passed);
    bar.value = Math.min(passed, bar.max);
    const seconds = job.started ? ((job.ended ?? gateNow()) - job.started) / 1000 : 0;
    const speed = seconds > 1 ? passed / seconds : 0;
    const left = speed > 0 && !isOver(job) ? `, about ${span(((bar.max - passed) / speed) * 1000)} left` : '';
    setText(words, `${count(passed)} of ${count(bar.max)}${speed > 0 ? `, ${count(Math.round(speed))}/s` : ''}${left}`);
  };
  return { node: el('div', { class: 'job-progress' }, bar, words), show };
}

/** Returns the result of a job in sentences. */
function jobOutcome(job) {
  const words = ACTIONS[job.action];
  const { quarantined, unserved } = job.skipped;
  return [
    words ? words.ended({ n: deliveries(job.done) }) : `${deliveries(job.done)} done.`,
    job.state === 'cancelled' &&
      `Cancelled: ${deliveries(Math.max(0, (job.count ?? 0) - job.done - quarantined - unserved))} stay as they were.`,
    quarantined > 0 && `${deliveries(quarantined)} stay in quarantine, because they changed after they were stored.`,
    unserved > 0 && `${deliveries(unserved)} have no configured destination; move them.`,
    job.error && `The job failed: ${visible(job.error)}.`,
  ].filter(Boolean);
}

/** Returns the names of destinations for a sentence. */
function namesOf(destinations) {
  const names = [...new Set(destinations)].map((name) => (name ? visible(name, 60) : 'no destination'));
  if (names.length === 0) return 'every destination';
  return names.length > 3 ? `${names.length} destinations` : names.join(', ').replace(/, ([^,]*)$/, ' and $1');
}

/** Delivers a stored event again: retries what is open, or replays what is delivered. */
async function redeliver(eventId, destination) {
  if (!mayAct()) {
    explainLookOnly();
    return;
  }
  let event;
  try {
    event = await api(`inbox/events/${encode(eventId)}`, eventShape);
  } catch (error) {
    if (error.status === 404)
      toast(
        'This delivery is not in the inbox, so it cannot be delivered again. Only durable endpoints store deliveries.',
        'bad',
      );
    else failAction(error);
    return;
  }
  const concerned = event.deliveries.filter(
    (one) => destination === undefined || (one.destination ?? '') === destination,
  );
  const open = concerned.filter((one) => one.state !== 'delivered');
  const action = open.length > 0 ? 'retry' : 'replay';
  const queues = (open.length > 0 ? open : concerned).map((one) => one.destination ?? '');
  openJob({
    action,
    selection: selectionOf({ ids: [eventId], destination, states: ACTIONS[action].states }),
    to: namesOf(queues),
    scope: code(eventId),
  });
}

/** Returns the selection of a job, with every field of the API. */
function selectionOf({
  ids = [],
  endpoint = null,
  destination = null,
  states = [],
  kind = null,
  since: from = null,
  until = null,
}) {
  return { ids, endpoint, destination, states, kind, since: from, until };
}

// ------------------------------------------------------------------------------------------ 11 live

/** The reasons in the words of the log, for the title of a row. */
const REASONS = new Map([
  ['signature-missing', 'no signature header'],
  ['signature-repeated', 'several signature headers'],
  ['signature-malformed', 'the signature is not the Base64 of 32 bytes'],
  ['mismatch', 'no secret of the endpoint produces this signature'],
  ['stale-no-time', 'verified, but without the time that `fresh` needs'],
  ['stale-too-old', 'verified, but older than `fresh` allows: a replay, or a wrong clock'],
  ['stale-too-early', 'verified, but from the future: a wrong clock'],
  ['wrong-kind', 'verified, but not of the kind of the endpoint'],
  ['no-endpoint', 'no endpoint has this host and path'],
  ['method', 'the endpoint does not allow the method'],
  ['query', 'the endpoint does not allow a query'],
  ['partial-body', 'a proxy asked for a verdict on the beginning of a body'],
  ['too-large', 'the body is larger than `max_body`'],
  ['too-slow', 'the body arrived too slowly'],
  ['busy', 'no memory was free for the body'],
  ['body-unreadable', 'the body or its framing ended early'],
  ['full', 'no connection was free'],
  ['malformed', 'not HTTP/1.1'],
  ['destination-answered', 'the response of the app was not 2xx'],
  ['destination-unresolved', 'the host name of the app has no address'],
  ['destination-refused', 'nothing listens at the address of the app'],
  ['destination-unreachable', 'the address of the app cannot be reached'],
  ['destination-tls', 'the TLS handshake with the app failed'],
  ['destination-connect-timeout', 'no connection to the app in time'],
  ['destination-broke-off', 'the app closed the connection before its response'],
  ['destination-answer-timeout', 'the app did not respond in time'],
  ['destination-not-http', 'the response of the app is not HTTP/1.1'],
  ['client-gone', 'the client closed the connection before the response'],
  ['inbox-full', 'the inbox has no room'],
  ['too-many-copies', 'every destination has the most undelivered copies of this body'],
  ['inbox-unavailable', 'the store cannot be reached'],
  ['inbox-failed', 'the store has failed; restart the gate'],
  ['kind-not-permitted', 'stored as a dead letter: `only` excludes its kind'],
  ['no-destination-wants-it', 'stored as a dead letter: no destination subscribes to its kind'],
  ['gone', 'the app responded with 410 and wants no further attempt'],
]);

const meaningOf = (reason) => (REASONS.get(reason) ?? '').replaceAll('`', '');

function liveView({ root, params, signal, keys }) {
  let shownRows = PAGE_ROWS;
  let isFlooded = false;
  let lastDraw = 0;
  let laterDraw = 0;
  const redrawn = () => nextFrame(draw);
  const filters = liveFilters(params, () => {
    shownRows = PAGE_ROWS;
    redrawn();
  });
  const { node: grid, body } = liveTable();
  const pause = livePause(body, redrawn, signal);
  const summary = el('p', { class: 'summary' });
  const empty = el('div', { hidden: true });
  const more = button('', showMore, { class: 'more', hidden: true });
  fill(filters.node, summary, filters.clear);
  fill(root, pause.button, stripPanel(signal).node, filters.node, pause.banner, grid, empty, more);
  const rows = rowPool(body);

  function showMore() {
    shownRows += PAGE_ROWS;
    draw();
  }

  function draw() {
    if (signal.aborted) return;
    lastDraw = performance.now();
    const all = pause.rows() ?? state.rows;
    const chosen = all.filter((row) => matchesRow(filters.values, row));
    const isMoving = isFlooded && !pause.rows();
    rows.show(chosen.slice(0, isMoving ? FLOOD_ROWS : shownRows));
    // Each count is that of the rows which its switch would show.
    filters.showCounts(verdictCounts(all.filter((row) => matchesRow({ ...filters.values, verdict: new Set() }, row))));
    setText(summary, liveSummary(all.length, chosen.length));
    pause.show();
    grid.hidden = chosen.length === 0;
    empty.hidden = chosen.length > 0;
    if (chosen.length === 0) refill(empty, all.length === 0 ? noDeliveries() : noMatches());
    more.hidden = chosen.length <= shownRows || isMoving;
    setText(more, `Show ${count(Math.min(PAGE_ROWS, chosen.length - shownRows))} more`);
  }

  /** Draws in the next frame, but in a flood only now and then. */
  function arrived() {
    clearTimeout(laterDraw);
    const wait = isFlooded ? lastDraw + FLOOD_PAUSE - performance.now() : 0;
    if (wait > 0) laterDraw = setTimeout(redrawn, wait);
    else redrawn();
  }

  function offerChoices(items) {
    filters.offer('endpoint', endpointNames());
    for (const name of ['endpoint', 'kind', 'reason'])
      filters.offer(
        name,
        items.map((row) => row[name]),
      );
  }

  on(
    'rows',
    (items) => {
      pause.miss(items.filter((row) => matchesRow(filters.values, row)).length);
      offerChoices(items);
      arrived();
    },
    signal,
  );
  on(
    'rates',
    (rates) => {
      isFlooded = sumOfRates(rates) > FLOOD;
    },
    signal,
  );
  on('cause', (row) => rows.change(row), signal);
  on('loaded', redrawn, signal);
  on('status', () => offerChoices([]), signal);
  announceRows(signal);
  Object.assign(keys, {
    p: pause.toggle,
    '/': filters.focus,
    r: () => focusedRow() && void redeliver(focusedRow().dataset.id),
    Escape: pause.end,
  });
  offerChoices(state.rows);
  draw();
  restoreFocus();
}

const endpointNames = () => (state.status?.endpoints ?? []).map((one) => one.endpoint);

const destinationNames = () => (state.status?.destinations ?? []).map((one) => one.destination);

function liveFilters(params, onchange) {
  return filterBar({
    view: 'live',
    params,
    words: { name: 'verdict', label: 'Verdict', known: VERDICTS },
    choices: [
      { name: 'endpoint', label: 'Endpoint', all: 'All endpoints' },
      { name: 'kind', label: 'Kind', all: 'All kinds', options: KINDS },
      { name: 'reason', label: 'Reason', all: 'All reasons' },
    ],
    search: { name: 'q', label: 'Id, cause, path or source', hint: 'Id, cause, path, source' },
    onchange,
  });
}

function matchesRow({ verdict, endpoint, kind, reason, q }, row) {
  if (verdict.size > 0 && !verdict.has(row.verdict)) return false;
  if ((endpoint && row.endpoint !== endpoint) || (kind && row.kind !== kind) || (reason && row.reason !== reason))
    return false;
  return (
    !q ||
    contains(q, row.id, row.cause, row.causeText, row.path, row.peer, row.secret, row.destination, row.duplicate_of)
  );
}

/** Whether one of the texts contains the words, in upper or lower case. */
function contains(words, ...texts) {
  const wanted = words.toLowerCase();
  return texts.some((one) => one?.toLowerCase().includes(wanted));
}

function verdictCounts(rows) {
  const numbers = new Map();
  for (const { verdict } of rows) numbers.set(verdict, (numbers.get(verdict) ?? 0) + 1);
  return numbers;
}

function liveSummary(all, chosen) {
  const parts = [
    chosen === all ? deliveries(all) : `${count(chosen)} of ${deliveries(all)}`,
    state.skipped > 0 && `${count(state.skipped)} more were counted but not listed`,
    state.unreadable > 0 && `${count(state.unreadable)} could not be read: reload the page`,
  ];
  return parts.filter(Boolean).join(' · ');
}

const sumOfRates = ({ endpoints, unmatched }) =>
  endpoints.reduce((sum, one) => sum + STRIP_PARTS.reduce((part, { name }) => part + one[name], 0), unmatched);

function liveTable() {
  return table({
    label: 'Deliveries, the newest first',
    bodyId: 'live-rows',
    className: 'cards live-table',
    headings: [
      ['Time', 'h-time'],
      ['Verdict', 'h-verdict'],
      ['Endpoint', 'h-endpoint'],
      ['Kind', 'h-kind from-wide'],
      ['Status', 'h-status num'],
      'Detail',
      ['Secret', 'h-secret from-wide'],
      ['Bytes', 'h-bytes num from-medium'],
      ['ms', 'h-ms num'],
      ['Delivery', 'h-id'],
    ],
  });
}

/** Returns the pause of the live table: by hand, while the page is scrolled, and while a row has the focus. */
function livePause(body, onchange, signal) {
  const by = { hand: false, scroll: false, focus: false };
  let frozen = null;
  let missed = 0;
  const isPaused = () => by.hand || by.scroll || by.focus;
  const label = el('span', {}, 'Pause');
  const toggle = () => (isPaused() ? end() : set('hand', true));
  const pauseButton = button([label, el('kbd', {}, 'p')], toggle, {
    id: 'live-pause',
    'aria-pressed': 'false',
    class: 'pause',
  });
  const words = button('', end, { class: 'fresh' });
  const banner = el('div', { class: 'status-line', hidden: true }, words);

  function set(reason, value) {
    if (by[reason] === value) return;
    by[reason] = value;
    frozen = isPaused() ? (frozen ?? [...state.rows]) : null;
    if (!frozen) missed = 0;
    onchange();
  }

  function end() {
    if (focusedRow()) document.activeElement.blur();
    window.scrollTo(0, 0);
    for (const reason of Object.keys(by)) set(reason, false);
  }

  function show() {
    const paused = isPaused();
    pauseButton.setAttribute('aria-pressed', String(paused));
    setText(label, paused ? 'Resume' : 'Pause');
    banner.hidden = !paused;
    const why = by.hand ? 'Paused' : by.focus ? 'Paused while a row is selected' : 'Paused while you read';
    setText(words, `${why} · ${missed > 0 ? `${count(missed)} new` : 'nothing new'} · Resume`);
  }

  window.addEventListener('scroll', () => set('scroll', window.scrollY > 120), { signal, passive: true });
  body.addEventListener('focusin', () => set('focus', true), { signal });
  body.addEventListener('focusout', (event) => body.contains(event.relatedTarget) || set('focus', false), { signal });
  const miss = (number) => {
    if (frozen) missed += number;
  };
  return { button: pauseButton, banner, rows: () => frozen, toggle, end, show, miss };
}

function noDeliveries() {
  const gate = state.status?.endpoints ?? [];
  return emptyBox(
    'No deliveries yet',
    prose(
      gate.length > 0
        ? 'A delivery appears here within a second. Send a test from the Health view, or from a shell:'
        : 'A delivery appears here within a second. Send one:',
    ),
    sendExample(),
    prose('The list holds the last 1,000 requests in memory, without bodies. It begins when a console is open.', {
      class: 'hint',
    }),
  );
}

const endpointItem = asObject({ name: asText, path: maybe(asText), secrets: maybe(asList(asText), []) });

/** Returns the command that sends a sample to the first endpoint. */
function sendExample() {
  const place = el('div', {}, copyBlock('cartgate send URL --secret-file SECRET-FILE', 'Command'));
  void (async () => {
    const { items } = await api('endpoints?limit=1', asPage(endpointItem));
    const { origin, secretFile } = await commandParts(items[0]?.secrets[0] ?? null);
    const path = items[0]?.path?.replace(/\*$/, '') ?? '/';
    refill(place, copyBlock(`cartgate send ${shellWord(origin + path)} --secret-file ${secretFile}`, 'Command'));
  })().catch(() => {});
  return place;
}

const noMatches = () =>
  emptyBox(
    'No delivery has these filters',
    prose('New deliveries are compared with them, too. Clear the filters to see all.'),
  );

/** Tells screen readers a summary now and then, never each row. */
function announceRows(signal) {
  let fresh = 0;
  let bad = 0;
  on(
    'rows',
    (items) => {
      fresh += items.length;
      bad += items.filter((row) => row.verdict === 'rejected' || row.verdict === 'failed').length;
    },
    signal,
  );
  const timer = setInterval(() => {
    if (fresh > 0) announce(`${deliveries(fresh)} arrived, ${count(bad)} rejected or failed.`);
    fresh = 0;
    bad = 0;
  }, 15_000);
  signal.addEventListener('abort', () => clearInterval(timer));
}

/** Keeps the rows of the live table. It moves and rewrites rows instead of making new ones. */
function rowPool(body) {
  const shown = new Map();
  function show(wanted) {
    const ids = new Set(wanted.map((row) => row.id));
    const free = [];
    for (const [rowId, line] of shown) {
      if (ids.has(rowId)) continue;
      shown.delete(rowId);
      free.push(line);
    }
    let place = body.firstChild;
    const isCalm = shown.size > 0 && wanted.length - shown.size <= 10;
    for (const row of wanted) {
      let line = shown.get(row.id);
      if (!line) {
        line = free.pop() ?? liveLine();
        line.write(row);
        line.node.classList.toggle('arrives', isCalm);
        shown.set(row.id, line);
      }
      if (line.node === place) place = place.nextSibling;
      else body.insertBefore(line.node, place);
    }
    for (const line of free) line.node.remove();
  }
  return { show, change: (row) => shown.get(row.id)?.write(row) };
}

/** Returns a row of the live table, to be written again and again. */
function liveLine() {
  const time = el('time');
  const verdict = el('span');
  const endpoint = el('bdi');
  const kind = el('span');
  const status = el('span');
  const detail = el('span', { class: 'detail' });
  let detailKey = '';
  const secret = el('bdi');
  const size = el('span');
  const ms = el('span');
  const link = rowLink('', null);
  const node = el(
    'tr',
    { role: 'row' },
    cell('Time', 'c-time', time),
    cell('Verdict', 'c-verdict', verdict),
    cell('Endpoint', 'c-endpoint', endpoint),
    cell('Kind', 'c-kind from-wide', kind),
    cell('Status', 'c-status num', status),
    cell('Detail', 'c-detail', detail),
    cell('Secret', 'c-secret from-wide', secret),
    cell('Bytes', 'c-bytes num from-medium', size),
    cell('ms', 'c-ms num', ms),
    cell('Delivery', 'c-id', link),
  );
  node.addEventListener('click', (event) => {
    // The whole row opens the delivery, but a selection of text does not.
    if (event.target.closest('a') || String(getSelection())) return;
    link.click();
  });
  function write(row) {
    node.dataset.id = row.id;
    node.dataset.verdict = row.verdict;
    const iso = new Date(row.at).toISOString();
    time.dateTime = iso;
    time.title = iso;
    setText(time, clock(row.at));
    if (verdict.dataset.word !== row.verdict) {
      verdict.dataset.word = row.verdict;
      refill(verdict, tag(VERDICTS, row.verdict));
    }
    setText(endpoint, row.endpoint === null ? '–' : visible(row.endpoint, 60));
    setText(kind, row.kind === null ? '–' : visible(row.kind, 30));
    setText(status, row.status === null ? '–' : String(row.status));
    const {
      verdict: word,
      reason,
      cause,
      causeText,
      destination,
      copy: copies,
      duplicate_of: other,
      method,
      path,
    } = row;
    const key = JSON.stringify([word, reason, cause, causeText, destination, copies, other, method, path]);
    if (detailKey !== key) refill(detail, detailOf(row));
    detailKey = key;
    setText(secret, row.secret === null ? '–' : visible(row.secret, 64));
    setText(size, count(row.bytes));
    setText(ms, duration(row.ms));
    link.href = `#/delivery/${encode(row.id)}`;
    link.title = row.id;
    setText(link, shortId(row.id));
    link.setAttribute(
      'aria-label',
      `${row.verdict} ${row.endpoint ?? ''} ${clock(row.at, false)}, delivery ${shortId(row.id)}`,
    );
  }
  return { node, write };
}

/** Returns the detail that explains a row best. */
function detailOf(row) {
  const parts = [];
  if (row.verdict === 'duplicate' && row.duplicate_of) parts.push(`repeats ${shortId(row.duplicate_of)}`);
  else if (row.reason) parts.push(el('strong', { title: meaningOf(row.reason) }, visible(row.reason, 60)));
  if (row.cause) parts.push(el('bdi', { title: row.causeText ?? '' }, visible(row.causeText || row.cause, 160)));
  if (row.destination) parts.push(el('bdi', {}, `→ ${visible(row.destination, 60)}`));
  if (row.copy) parts.push(`copy of ${counted(row.copy, 'earlier event')}`);
  if (row.path) parts.push(el('bdi', { class: 'dim' }, visible(`${row.method ?? ''} ${row.path}`.trim(), 100)));
  return parts.flatMap((part, index) => (index > 0 ? [el('span', { class: 'dot' }, ' · '), part] : [part]));
}

/** The parts of a bar: those above the line are genuine, those below need a look. */
const STRIP_PARTS = [
  { name: 'accepted', up: true },
  { name: 'stored', up: true },
  { name: 'duplicate', up: true },
  { name: 'failed', up: false },
  { name: 'rejected', up: false },
];

/** The verdicts per second of each endpoint; they outlive the view. */
const strips = new Map();

/** Adds the numbers of one second to the strip of an endpoint. */
function addSecond(name, second, numbers, adds) {
  let seconds = strips.get(name);
  if (!seconds) {
    if (strips.size >= 50) return;
    strips.set(name, (seconds = new Map()));
  }
  const before = adds ? seconds.get(second) : null;
  seconds.set(second, before ? before.map((value, index) => value + numbers[index]) : numbers);
  for (const old of seconds.keys()) {
    if (old < second - STRIP_SECONDS - 5) seconds.delete(old);
  }
}

/** The name under which requests without an endpoint are counted. No endpoint has it. */
const NO_ENDPOINT = '';

let firstRate = 0;

function takeRates({ at, endpoints, unmatched }) {
  const second = Math.round(at / 1000);
  firstRate ||= second;
  for (const one of endpoints)
    addSecond(
      one.endpoint,
      second,
      STRIP_PARTS.map(({ name }) => one[name]),
      false,
    );
  if (unmatched > 0 || strips.has(NO_ENDPOINT)) addSecond(NO_ENDPOINT, second, [0, 0, 0, 0, unmatched], false);
}

/** Fills the strip with the listed deliveries from before the first rates. */
function takePast() {
  if (takePast.isDone) return;
  takePast.isDone = true;
  const end = firstRate || Math.round(gateNow() / 1000);
  for (const row of [...state.rows].reverse()) {
    const second = Math.round(row.at / 1000);
    const numbers = STRIP_PARTS.map(({ name }) => Number(name === row.verdict));
    if (second >= end || second < end - STRIP_SECONDS || !numbers.includes(1)) continue;
    addSecond(row.endpoint ?? NO_ENDPOINT, second, numbers, true);
  }
}

/** Returns the strip: for each endpoint its verdicts per second, drawn once a second. */
function stripPanel(signal) {
  const list = el('ul', { class: 'strips' });
  const keyOf = (name) => el('li', { class: `tone-${name}` }, mark(VERDICTS.get(name).mark), name);
  const legend = el(
    'ul',
    { class: 'legend', 'aria-hidden': 'true' },
    STRIP_PARTS.map(({ name }) => keyOf(name)),
  );
  const node = section('Verdicts per second', { class: 'strip' }, legend, list);
  const lines = new Map();
  function draw() {
    if (signal.aborted || document.hidden) return;
    const now = Math.round(gateNow() / 1000) - 1;
    node.hidden = strips.size === 0;
    let place = 0;
    // The requests without an endpoint come last.
    for (const name of [...strips.keys()].sort(
      (one, other) => (one === '') - (other === '') || (one < other ? -1 : 1),
    )) {
      if (!lines.has(name)) lines.set(name, stripLine(name));
      const line = lines.get(name);
      if (list.children[place] !== line.node) list.insertBefore(line.node, list.children[place] ?? null);
      place += 1;
      line.draw(strips.get(name), now, legend);
    }
  }
  on('rates', () => nextFrame(draw), signal);
  on('loaded', () => nextFrame(draw), signal);
  on('theme', () => nextFrame(draw), signal);
  window.addEventListener('resize', () => nextFrame(draw), { signal, passive: true });
  nextFrame(draw);
  return { node };
}

/** Returns the strip of one endpoint. */
function stripLine(name) {
  const canvas = el('canvas', { class: 'strip-canvas', role: 'img' });
  const label = name === NO_ENDPOINT ? el('em', {}, 'no endpoint') : foreign(name, 40);
  const numbers = el('span', { class: 'strip-numbers' });
  const node = el('li', {}, el('span', { class: 'strip-name' }, label), canvas, numbers);
  let read = null;
  canvas.addEventListener('pointermove', (event) => {
    const box = canvas.getBoundingClientRect();
    read = Math.floor(((event.clientX - box.left) / box.width) * STRIP_SECONDS);
    repaint();
  });
  canvas.addEventListener('pointerleave', () => {
    read = null;
    repaint();
  });
  let last = null;
  const repaint = () => last && draw(...last);

  function showRates(good, failed, rejected) {
    const part = (name, value) =>
      el(
        'span',
        { class: `strip-bad ${value > 0 ? `tone-${name}` : 'dim'}`, title: `${name} per second` },
        mark(VERDICTS.get(name).mark),
        rate(value),
      );
    refill(
      numbers,
      el('span', { class: 'strip-good' }, `${rate(good)}/s`),
      part('failed', failed),
      part('rejected', rejected),
    );
  }

  function draw(seconds, now, legend) {
    last = [seconds, now, legend];
    const bars = Array.from(
      { length: STRIP_SECONDS },
      (_, index) => seconds.get(now - STRIP_SECONDS + 1 + index) ?? null,
    );
    paintBars(canvas, bars, legend, read);
    const recent = sumOf(bars.slice(-10));
    const [accepted, stored, duplicate, failed, rejected] = recent.map((value) => value / 10);
    const good = accepted + stored + duplicate;
    canvas.setAttribute(
      'aria-label',
      `${name || 'no endpoint'}, per second in the last 10 seconds: ${rate(good)} genuine, ${rate(failed)} failed, ${rate(rejected)} rejected`,
    );
    if (read === null) showRates(good, failed, rejected);
    else refill(numbers, readBar(bars[read], now - STRIP_SECONDS + 1 + read));
  }
  return { node, draw };
}

const rate = (value) => (value >= 10 || value === 0 ? count(Math.round(value)) : value.toFixed(1));

const sumOf = (bars) => STRIP_PARTS.map((_, index) => bars.reduce((sum, bar) => sum + (bar?.[index] ?? 0), 0));

function readBar(bar, second) {
  const parts = STRIP_PARTS.map(({ name }, index) => bar?.[index] && `${count(bar[index])} ${name}`).filter(Boolean);
  return `${clock(second * 1000, false)} ${parts.join(', ') || 'none'}`;
}

/** Draws genuine deliveries upwards and the others downwards, those with a pattern. */
function paintBars(canvas, bars, legend, read) {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (width === 0) return;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const pen = canvas.getContext('2d');
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  const colours = [...legend.children].map((item) => getComputedStyle(item).color);
  const middle = Math.round(height * 0.62);
  const step = width / STRIP_SECONDS;
  const most = (up) =>
    Math.max(
      1,
      ...bars.map((bar) =>
        (bar ?? []).reduce((sum, value, index) => sum + (STRIP_PARTS[index].up === up ? value : 0), 0),
      ),
    );
  const scale = { true: (middle - 2) / most(true), false: (height - middle - 3) / most(false) };
  bars.forEach((bar, at) => {
    if (!bar) return;
    const tip = { true: middle - 0.5, false: middle + 1.5 };
    bar.forEach((value, index) => {
      if (!value) return;
      const { up, name } = STRIP_PARTS[index];
      const size = Math.max(2, value * scale[up]);
      pen.fillStyle = colours[index];
      const top = up ? tip[up] - size : tip[up];
      paintBar(pen, name, at * step, top, Math.max(1, step - 1), size);
      tip[up] += up ? -size : size;
    });
  });
  pen.fillStyle = getComputedStyle(canvas).color;
  pen.globalAlpha = 0.35;
  pen.fillRect(0, middle, width, 1);
  if (read !== null) pen.fillRect(read * step, 0, Math.max(1, step - 1), height);
  pen.globalAlpha = 1;
}

/** Draws a part: stored and duplicate have stripes and failed is hollow, so that a colour is never alone. */
function paintBar(pen, name, left, top, width, height) {
  if (name === 'failed' && width >= 3) {
    // Hollow: the middle of the bar is free.
    pen.fillRect(left, top, 1, height);
    pen.fillRect(left + width - 1, top, 1, height);
    pen.fillRect(left, top, width, 1);
    pen.fillRect(left, top + height - 1, width, 1);
  } else if (name === 'failed' || name === 'stored' || name === 'duplicate') {
    const [line, gap] = { failed: [1, 2], stored: [3, 1], duplicate: [1, 1] }[name];
    for (let y = 0; y < height; y += line + gap) pen.fillRect(left, top + y, width, Math.min(line, height - y));
  } else {
    pen.fillRect(left, top, width, height);
  }
}

// -------------------------------------------------------------------------------------- 12 rejected

function rejectedView({ root, params, signal, keys }) {
  let loaded = { items: [], next: null, left: 0 };
  const filters = rejectedFilters(params, draw);
  const forwardAll = actButton('', () => void forwardEach(), { class: 'primary', hidden: true });
  const summary = el('p', { class: 'summary' });
  const { node: grid, body } = table({
    label: 'Saved rejections, the newest first',
    bodyId: 'rejected-rows',
    className: 'cards rejected-table',
    headings: [
      'Received',
      'Verifies now',
      'Cause',
      'Endpoint',
      ['Source', 'from-large'],
      ['Bytes', 'num from-medium'],
      'Delivery',
      ['', 'c-actions'],
    ],
  });
  const showRows = keptRows(
    body,
    (item) => item.id,
    (item) => rejectionLine(item, recheck, forward),
  );
  const place = el('div', {}, waitBox('Loading saved rejections…'));
  const more = button('Show more', () => void loadMore(), { class: 'more', hidden: true });
  fill(
    filters.node,
    filters.clear,
    button('Refresh', () => void load()),
    forwardAll,
  );
  fill(
    root,
    prose(
      'Deliveries whose signature matched no secret, saved with their body. After you have corrected the secret, recheck them and forward those that verify. Unverified bytes never reach an app.',
      { class: 'lead' },
    ),
    filters.node,
    el('div', { class: 'status-line' }, summary),
    place,
    more,
  );

  const ask = (after) => api(`rejected${query({ limit: 100, after })}`, asPage(rejectionShape), { signal });

  async function load() {
    try {
      loaded = await ask(null);
      draw();
      restoreFocus();
    } catch (error) {
      if (signal.aborted) return;
      refill(place, error.status === 404 ? notSaved() : errorBox(error, () => void load()));
      setText(summary, '');
    }
  }

  async function loadMore() {
    more.disabled = true;
    try {
      loaded = joined(loaded, await ask(loaded.next), (item) => item.id);
      draw();
    } catch (error) {
      failAction(error);
    }
    more.disabled = false;
  }

  function draw() {
    const { items, left, next } = loaded;
    const chosen = items.filter((item) => matchesRejection(filters.values, item));
    const ready = chosen.filter(isForwardable).length;
    filters.offer(
      'endpoint',
      items.map((item) => item.endpoint),
    );
    showRows(chosen);
    if (items.length === 0) refill(place, notSaved(true));
    else if (chosen.length === 0) refill(place, noMatches());
    else if (grid.parentNode !== place) refill(place, grid);
    const all = counted(items.length, 'saved rejection');
    const parts = [
      chosen.length === items.length ? all : `${count(chosen.length)} of ${all}`,
      `${count(chosen.filter((item) => item.secret !== null).length)} verify now`,
      left > 0 && `${count(left)} could not be read: reload the page`,
    ];
    setText(summary, items.length > 0 ? parts.filter(Boolean).join(' · ') : '');
    forwardAll.hidden = ready === 0;
    setText(forwardAll, ready === 1 ? 'Forward the one that verifies…' : `Forward all ${count(ready)} that verify…`);
    more.hidden = next === null;
  }

  async function recheck({ id: rejectionId }) {
    const item = await recheckRejection(rejectionId, signal);
    if (!item || signal.aborted) return;
    const hadFocus = focusedRow()?.dataset.id === item.id;
    loaded = { ...loaded, items: loaded.items.map((one) => (one.id === item.id ? { ...one, ...item } : one)) };
    draw();
    if (hadFocus) body.querySelector(`[data-id="${CSS.escape(item.id)}"] a.row-link`)?.focus();
  }

  async function forward(item) {
    if (item.secret === null) return;
    await forwardRejection(item);
    void load();
  }

  async function forwardEach() {
    await forwardMany(loaded.items.filter((item) => matchesRejection(filters.values, item) && isForwardable(item)));
    void load();
  }

  const withFocused = (task) => () => {
    const item = loaded.items.find((one) => one.id === focusedRow()?.dataset.id);
    if (item) mayAct() ? void task(item) : explainLookOnly();
  };
  Object.assign(keys, { '/': filters.focus, r: withFocused(recheck), f: withFocused(forward) });
  const refresh = throttled(async () => {
    if (!signal.aborted && loaded.items.length <= 100) await load();
  }, 5000);
  on('rows', (rows) => rows.some((row) => row.reason === 'mismatch') && refresh(), signal);
  showPermission();
  void load();
}

function rejectedFilters(params, onchange) {
  return filterBar({
    view: 'rejected',
    params,
    choices: [
      { name: 'endpoint', label: 'Endpoint', all: 'All endpoints' },
      {
        name: 'verifies',
        label: 'Verdict now',
        all: 'Any verdict',
        labels: new Map([
          ['yes', 'Verify now'],
          ['no', 'Still rejected'],
        ]),
      },
    ],
    search: { name: 'q', label: 'Id, cause or source', hint: 'Id, cause, source' },
    onchange,
  });
}

function matchesRejection({ endpoint, verifies, q }, item) {
  if (endpoint && item.endpoint !== endpoint) return false;
  if (verifies && (item.secret !== null) !== (verifies === 'yes')) return false;
  return !q || contains(q, item.id, item.cause, item.diagnosis?.cause, item.diagnosis?.text, item.source, item.peer);
}

/** Adds the next page of a list, without the items that have moved meanwhile. */
function joined(loaded, further, keyOf) {
  const known = new Set(loaded.items.map(keyOf));
  const items = loaded.items.concat(further.items.filter((item) => !known.has(keyOf(item))));
  return { ...loaded, items, next: further.next, left: loaded.left + further.left };
}

function rejectionLine(item, recheck, forward) {
  const cause = item.diagnosis?.cause ?? item.cause;
  const unknown = item.secret === null ? 'unknown: the secrets of its endpoint are not known' : 'none any more';
  const words = cause
    ? [
        el('strong', {}, visible(cause, 60)),
        item.diagnosis?.text && [el('span', { class: 'dot' }, ' · '), foreign(item.diagnosis.text, 200)],
      ]
    : el('span', { class: 'dim' }, unknown);
  return el(
    'tr',
    { role: 'row', 'data-id': item.id, 'data-verifies': item.secret === null ? 'no' : 'yes' },
    cell('Received', 'c-time', since(item.received)),
    cell(
      'Verifies now',
      'c-verdict',
      verifiedTag(item),
      lateHint(item),
    ),
    cell('Cause', 'c-detail', el('span', { class: 'detail' }, words)),
    cell('Endpoint', 'c-endpoint', item.endpoint === null ? '–' : foreign(item.endpoint, 60)),
    cell('Source', 'c-source from-large', foreign(item.source ?? item.peer ?? '–', 60)),
    cell('Bytes', 'c-bytes num from-medium', count(item.bytes)),
    cell('Delivery', 'c-id', rowLink(item.id, `Saved rejection ${shortId(item.id)}`)),
    cell(
      '',
      'c-actions',
      actButton('Recheck', () => void recheck(item), { class: 'small', 'aria-label': `Recheck ${shortId(item.id)}` }),
      actButton('Forward…', () => void forward(item), {
        class: 'small',
        hidden: item.secret === null || item.late === 'waiting',
        'aria-label': `Forward ${shortId(item.id)}`,
      }),
    ),
  );
}

/** The words for what became of a rejection once it verified. */
const LATE_WORDS = { delivered: 'delivered ', copy: 'copy of another one, left out ', forwarded: 'forwarded ' };

/** Says what became of a rejection once it verified. */
function lateHint(item) {
  if (item.late === 'waiting') return el('div', { class: 'hint' }, 'waits for its app');
  if (item.forwarded === null) return false;
  return el('div', { class: 'hint' }, LATE_WORDS[item.late] ?? 'forwarded ', since(item.forwarded));
}

const verifiedTag = (item) =>
  item.secret === null
    ? el('span', { class: 'tag tone-rejected' }, mark('triangle'), 'no')
    : el(
        'span',
        { class: 'tag tone-accepted' },
        mark('disc'),
        el('span', {}, 'yes, ', el('bdi', {}, visible(item.secret, 64))),
      );

function notSaved(isOn = false) {
  if (isOn)
    return emptyBox(
      'No saved rejections',
      prose('A delivery whose signature matches no secret appears here, with the probable cause.'),
    );
  return emptyBox(
    'This gate saves no rejections',
    prose(
      'Save them to find the cause of a mismatch. The gate delivers genuine ones by itself after you have corrected a secret:',
    ),
    copyBlock('[rejected]\ndir = "/var/lib/cartgate/rejected"', 'Setting'),
    prose('They contain personal data, so the setting is off by default.', { class: 'hint' }),
  );
}

/** Judges a saved rejection by the secrets of now. */
async function recheckRejection(rejectionId, signal) {
  try {
    const item = await post(`rejected/${encode(rejectionId)}/recheck`, rejectionShape, undefined, { signal });
    const words =
      item.secret === null ? 'It is still rejected.' : `It verifies now, under the secret ${visible(item.secret, 64)}.`;
    toast(words, item.secret === null ? 'bad' : 'good');
    return item;
  } catch (error) {
    failAction(error);
    return null;
  }
}

/** Whether a saved rejection verifies now, and nobody has forwarded it. */
const isForwardable = (item) => item.secret !== null && item.forwarded === null && item.late === null;

/** Sends a saved rejection through the gate. The gate refuses one that was forwarded, unless `again` is true. */
const sendRejection = (rejectionId, again = false) =>
  post(`rejected/${encode(rejectionId)}/forward`, testShape, { again });

/** Forwards a saved rejection after a confirmation. Returns whether it was accepted. */
async function forwardRejection(item) {
  const yes = await confirmed({
    title: 'Forward 1 delivery?',
    words: [
      `It verifies under the secret \`${visible(item.secret, 64)}\`. The gate sends it through its front door to endpoint \`${visible(item.endpoint ?? 'of its path', 60)}\`, under its own signature, like a delivery of today.`,
      ...(item.forwarded === null
        ? []
        : [`It was forwarded ${span(gateNow() - item.forwarded)} ago: the app may receive it a second time.`]),
    ],
    yes: 'Forward 1 delivery',
  });
  if (!yes) return false;
  try {
    const result = await sendRejection(item.id, item.forwarded !== null);
    const good = result.status !== null && result.status < 300;
    toast(
      [
        `The gate responded with ${result.status ?? 'nothing'}${result.explanation ? `: ${visible(result.explanation)}` : ''}. `,
        result.id && rowLink(result.id, `Delivery ${shortId(result.id)}`),
      ],
      good ? 'good' : 'bad',
    );
    return good;
  } catch (error) {
    failAction(error);
    return false;
  }
}

/** Forwards several saved rejections, the oldest first, with progress. */
async function forwardMany(ready) {
  const endpoints = namesOf(ready.map((item) => item.endpoint));
  const yes = await confirmed({
    title: `Forward ${deliveries(ready.length)}?`,
    words: [
      `They verify now. The gate sends them through its front door to ${endpoints}, one after the other, the oldest first, each under its own signature.`,
    ],
    yes: `Forward ${deliveries(ready.length)}`,
  });
  if (!yes) return;
  let isCancelled = false;
  const { box, body } = openDialog({ title: 'Forwarding', onclose: () => (isCancelled = true) });
  const bar = el('progress', { max: String(ready.length), value: 0, 'aria-label': 'Progress' });
  const words = el('p', { class: 'job-numbers' });
  const closing = button('Cancel the rest', () => box.close());
  fill(body, el('div', { class: 'job-progress' }, bar, words));
  fill(box, el('div', { class: 'dialog-foot' }, closing));
  const failures = [];
  let sent = 0;
  for (const item of [...ready].sort((one, other) => one.received - other.received)) {
    if (isCancelled) break;
    try {
      const result = await sendRejection(item.id);
      if (result.status === null || result.status >= 300)
        failures.push(`${shortId(item.id)}: ${result.status ?? 'no response'}`);
    } catch (error) {
      failures.push(`${shortId(item.id)}: ${error.message}`);
      if (error.status === 0 || error.status === 401 || error.status === 403) break;
    }
    sent += 1;
    bar.value = sent;
    setText(words, `${count(sent)} of ${count(ready.length)}`);
  }
  const outcome = `${deliveries(sent - failures.length)} forwarded${failures.length > 0 ? `, ${count(failures.length)} not accepted` : ''}.`;
  if (isCancelled) {
    toast(outcome, failures.length > 0 ? 'bad' : 'good');
    return;
  }
  fill(
    body,
    prose(outcome),
    failures.length > 0 &&
      el(
        'ul',
        {},
        failures.slice(0, 20).map((failure) => el('li', {}, visible(failure))),
      ),
  );
  setText(closing, 'Close');
}

// ----------------------------------------------------------------------------------------- 13 inbox

/** The choices of age, in milliseconds. */
const AGES = new Map([
  ['15m', ['the last 15 minutes', 900_000]],
  ['1h', ['the last hour', 3_600_000]],
  ['24h', ['the last 24 hours', 86_400_000]],
  ['7d', ['the last 7 days', 604_800_000]],
]);

/** The value of a picker for the queue without a destination. */
const NO_DESTINATION = '(none)';

function inboxView({ root, params, signal, keys }) {
  if (state.status && !state.status.inbox) {
    fill(root, noInbox());
    return;
  }
  /** The deliveries that are loaded, and how the list goes on. */
  let loaded = { items: [], next: null, left: 0 };
  let shown = PAGE;
  let loading = null;
  let isPaged = false;
  const filters = inboxFilters(params, filtered);
  const [queues, jobs] = [el('div', {}), el('div', {})];
  const summary = el('p', { class: 'summary' });
  const idError = el('p', { class: 'field-error', role: 'alert' });
  const { node: grid, body } = inboxTable();
  const picks = pickedRows(body, () => bulk.show());
  const bulk = bulkActions(filters, picks, () => loaded.items.length > 0);
  const showRows = keptRows(body, keyOfStored, (item) => storedLine(item, picks));
  const place = el('div', {}, waitBox('Loading the inbox…'));
  const more = button('Show more', () => void loadMore(), { class: 'more', hidden: true });
  fill(
    root,
    queues,
    jobs,
    filters.node,
    idError,
    el('div', { class: 'status-line' }, summary, filters.clear, bulk.node),
    place,
    more,
  );

  function filtered() {
    picks.clear();
    shown = PAGE;
    void load();
  }

  const order = () => (isBacklog(filters.values) ? 'oldest' : 'newest');
  const ask = (mine, further) =>
    api(
      `inbox/deliveries${query({ ...wantedOf(filters.values), order: order(), ...further })}`,
      asPage(storedShape),
      { signal: mine },
    );

  async function load() {
    const { id: eventId } = filters.values;
    loading?.abort();
    loading = new AbortController();
    const mine = AbortSignal.any([loading.signal, signal]);
    const isWrong = eventId !== '' && !isId(eventId);
    setText(idError, isWrong ? 'An event id has 36 characters: paste all of it.' : '');
    if (isWrong) return;
    try {
      loaded = await ask(mine, { limit: shown });
      isPaged = false;
      draw();
      restoreFocus();
    } catch (error) {
      if (mine.aborted) return;
      refill(place, error.status === 404 ? noInbox() : errorBox(error, () => void load()));
      setText(summary, '');
    }
  }

  async function loadMore() {
    more.disabled = true;
    try {
      if (shown + PAGE <= MOST_LOADED) {
        shown += PAGE;
        await load();
      } else {
        loaded = joined(loaded, await ask(signal, { limit: PAGE, after: loaded.next }), keyOfStored);
        isPaged = true;
        draw();
      }
    } catch (error) {
      failAction(error);
    }
    more.disabled = false;
  }

  function draw() {
    const { items } = loaded;
    const isWhole = loaded.next === null;
    filters.offer('endpoint', [...endpointNames(), ...items.map((item) => item.endpoint)]);
    filters.offer('destination', [...destinationNames(), ...items.map((item) => item.destination ?? NO_DESTINATION)]);
    // A row also changes when its destination goes down or comes back.
    keepingFocus(body, () => showRows(items.map((item) => ({ ...item, isDown: isDown(item.destination) }))));
    if (items.length === 0)
      refill(
        place,
        filters.isSet()
          ? emptyBox('No stored delivery has these filters', prose('Clear the filters to see all.'))
          : nothingStored(),
      );
    else if (grid.parentNode !== place) refill(place, grid);
    const parts = [
      isWhole ? deliveries(items.length) : `${deliveries(items.length)}, more below`,
      `the ${order()} first`,
      loaded.left > 0 && `${count(loaded.left)} could not be read: reload the page`,
    ];
    setText(summary, items.length > 0 ? parts.filter(Boolean).join(' · ') : '');
    more.hidden = isWhole;
    bulk.show();
  }

  const drawQueues = () => state.status?.inbox && redraw(queues, queuesPanel(state.status.inbox));
  const refresh = throttled(async () => {
    if (!signal.aborted && !isPaged) await load();
  }, 2000);
  // The stream has the queues, and the status has the last attempts of each destination.
  const refreshHealth = throttled(() => loadStatus(signal).catch(() => {}), 5000);
  on(
    'inbox',
    () => {
      drawQueues();
      refresh();
      refreshHealth();
    },
    signal,
  );
  on('status', drawQueues, signal);
  on(
    'jobs',
    () => {
      refresh();
      void drawJobs(jobs, signal);
    },
    signal,
  );
  const focusedItem = () => {
    const { id: eventId, destination } = focusedRow()?.dataset ?? {};
    return loaded.items.find((one) => one.id === eventId && (one.destination ?? '') === destination);
  };
  Object.assign(keys, {
    '/': filters.focus,
    r: () => {
      const item = focusedItem();
      const isDelivered = picks.all().every((one) => one.state === 'delivered');
      if (picks.all().length > 0) bulk.start(isDelivered ? 'replay' : 'retry');
      else if (item) void redeliver(item.id, item.destination ?? '');
    },
    x: () => focusedItem() && picks.toggle(focusedItem()),
  });
  drawQueues();
  showPermission();
  void drawJobs(jobs, signal);
  void load();
}

function inboxFilters(params, onchange) {
  return filterBar({
    view: 'inbox',
    params,
    words: { name: 'state', label: 'State', known: STATES },
    choices: [
      { name: 'destination', label: 'Destination', all: 'All destinations' },
      { name: 'endpoint', label: 'Endpoint', all: 'All endpoints' },
      { name: 'kind', label: 'Kind', all: 'All kinds', options: KINDS },
      {
        name: 'since',
        label: 'Received',
        all: 'Any time',
        labels: new Map([...AGES].map(([name, [words]]) => [name, capital(words)])),
      },
    ],
    search: { name: 'id', label: 'Event id', hint: 'Event id' },
    onchange,
  });
}

function inboxTable() {
  return table({
    label: 'Stored deliveries',
    bodyId: 'inbox-rows',
    className: 'cards inbox-table',
    headings: [
      ['', 'c-pick'],
      'State',
      'Event',
      ['Endpoint', 'from-large'],
      ['Kind', 'from-wide'],
      'Destination',
      ['Attempts', 'num from-medium'],
      'Next attempt',
      ['Received', 'from-large'],
      'Last response',
      ['', 'c-actions'],
    ],
  });
}

/** Whether the list holds only deliveries that wait or are stuck: of those the oldest is the first. */
const isBacklog = ({ state: states }) => states.size > 0 && !states.has('delivered');

/** Returns the name of a queue for the API: empty for the one without a destination, null for all. */
const queueOf = (name) => (name === NO_DESTINATION ? '' : name || null);

const timeOf = (age) => (age ? new Date(gateNow() - AGES.get(age)[1]).toISOString() : null);

/** Returns the filters as the API has them. */
const wantedOf = ({ state: states, endpoint, destination, kind, since: age, id: eventId }) => ({
  state: [...states],
  endpoint: endpoint || null,
  destination: queueOf(destination),
  kind: kind || null,
  since: timeOf(age),
  id: eventId || null,
});

const keyOfStored = (item) => `${item.id} ${item.destination ?? ''}`;

function storedLine(item, picks) {
  const pick = el('input', {
    type: 'checkbox',
    checked: picks.has(item),
    'aria-label': `Select ${shortId(item.id)}`,
    onchange: () => picks.toggle(item),
  });
  const again = actButton(
    item.state === 'delivered' ? 'Replay…' : 'Retry…',
    () => void redeliver(item.id, item.destination ?? ''),
    { class: 'small', 'aria-label': `${item.state === 'delivered' ? 'Replay' : 'Retry'} ${shortId(item.id)}` },
  );
  return el(
    'tr',
    {
      role: 'row',
      class: picks.has(item) ? 'picked' : null,
      'data-id': item.id,
      'data-state': item.state,
      'data-destination': item.destination ?? '',
    },
    cell('', 'c-pick', pick),
    cell('State', 'c-verdict', tag(STATES, item.state)),
    cell('Event', 'c-id', rowLink(item.id, `${item.state}, event ${shortId(item.id)}`)),
    cell('Endpoint', 'c-endpoint from-large', foreign(item.endpoint, 60)),
    cell('Kind', 'c-kind from-wide', item.kind === null ? '–' : foreign(item.kind, 30)),
    cell(
      'Destination',
      'c-destination',
      item.destination === null ? el('em', {}, 'none') : foreign(item.destination, 60),
    ),
    cell('Attempts', 'c-attempts num from-medium', count(item.attempts)),
    cell('Next attempt', 'c-due', dueText(item)),
    cell('Received', 'c-time from-large', since(item.received)),
    cell('Last response', 'c-detail', el('span', { class: 'detail' }, lastResponse(item))),
    cell('', 'c-actions', again),
  );
}

/** Returns the rows that a person has picked. */
function pickedRows(body, onchange) {
  const picked = new Map();
  function pick(item, isPicked) {
    const key = keyOfStored(item);
    if (isPicked) picked.set(key, item);
    else picked.delete(key);
    for (const row of body.rows) {
      if (`${row.dataset.id} ${row.dataset.destination}` !== key) continue;
      row.classList.toggle('picked', isPicked);
      row.querySelector('.c-pick input').checked = isPicked;
    }
    onchange();
  }
  return {
    all: () => [...picked.values()],
    has: (item) => picked.has(keyOfStored(item)),
    toggle: (item) => pick(item, !picked.has(keyOfStored(item))),
    clear: () => [...picked.values()].forEach((item) => pick(item, false)),
  };
}

/** Returns the buttons for the picked rows, or for all that the filter shows. */
function bulkActions(filters, picks, hasRows) {
  const scope = el('span', { class: 'bulk-scope' });
  const buttons = Object.keys(ACTIONS).map((action) =>
    actButton(`${ACTIONS[action].title}…`, () => start(action), {
      class: action === 'purge' ? 'small danger-quiet' : 'small',
      'data-action': action,
    }),
  );
  const node = el('div', { class: 'bulk', role: 'group', 'aria-label': 'Actions for the selection' }, scope, buttons);

  function show() {
    const number = picks.all().length;
    setText(scope, number > 0 ? `${count(number)} selected:` : filters.isSet() ? 'All that the filter shows:' : 'All:');
    node.hidden = !hasRows();
  }

  function start(action) {
    if (!mayAct()) {
      explainLookOnly();
      return;
    }
    const rows = picks.all();
    const chosen = rows.length > 0 ? pickedSelection(action, rows) : filterSelection(action, filters);
    const targets = destinationNames().filter((name) => name !== filters.values.destination);
    if (typeof chosen === 'string') toast(chosen, 'bad');
    else openJob({ action, ...chosen, targets });
  }

  return { node, show, start };
}

/** Returns the selection of the picked rows for a job, or the reason why it cannot be one. */
function pickedSelection(action, rows) {
  const names = [...new Set(rows.map((item) => item.destination ?? ''))];
  const isUneven = rows.some((item) => rows.filter((one) => one.id === item.id).length !== names.length);
  if (names.length > 1 && isUneven)
    return 'Select rows of one destination: a job takes every selected event at each of its destinations.';
  const { title, states: allowed } = ACTIONS[action];
  const states = [...new Set(rows.map((item) => item.state))].filter((one) => allowed.includes(one));
  if (states.length === 0) return `${title} applies to deliveries that are ${allowed.join(' or ')}.`;
  const ids = [...new Set(rows.map((item) => item.id))];
  return {
    selection: selectionOf({ ids, destination: names.length === 1 ? names[0] : null, states }),
    to: namesOf(names),
    scope: `${deliveries(rows.length)} that you selected`,
  };
}

/** Returns the selection of the filter for a job, or the reason why it cannot be one. */
function filterSelection(action, filters) {
  const { title, states: allowed, bulkStates } = ACTIONS[action];
  const { state: chosen, endpoint, kind, since: age, id: eventId, destination } = filters.values;
  if (!filters.isSet() && action !== 'retry')
    return `Choose a filter or rows first: without one, ${title.toLowerCase()} would take the whole inbox.`;
  const states = chosen.size > 0 ? allowed.filter((one) => chosen.has(one)) : bulkStates;
  if (states.length === 0)
    return `${title} applies to deliveries that are ${allowed.join(' or ')}; the filter shows others.`;
  const queue = queueOf(destination);
  const scope = [
    states.join(' or '),
    endpoint && `endpoint ${visible(endpoint, 60)}`,
    queue !== null && `destination ${namesOf([queue])}`,
    kind && `kind ${visible(kind, 30)}`,
    age && `received in ${AGES.get(age)[0]}`,
    eventId && `event ${visible(eventId, 36)}`,
  ];
  return {
    selection: selectionOf({
      ids: eventId ? [eventId] : [],
      endpoint: endpoint || null,
      destination: queue,
      states,
      kind: kind || null,
      since: timeOf(age),
    }),
    to: queue === null ? 'every destination' : namesOf([queue]),
    scope: scope.filter(Boolean).join(' · '),
  };
}

/** Changes rows, and gives the focus back to the row that had it. */
function keepingFocus(body, change) {
  const focused = body.contains(document.activeElement) ? focusedRow() : null;
  change();
  if (!focused || body.contains(document.activeElement)) return;
  const same = [...body.rows].find(
    (row) => row.dataset.id === focused.dataset.id && row.dataset.destination === focused.dataset.destination,
  );
  same?.querySelector('a.row-link')?.focus({ preventScroll: true });
}

/** The rows that "show more" adds. */
const PAGE = 100;

/** The most rows of an inbox that are kept up to date. The API has no longer page. */
const MOST_LOADED = 1000;

function isId(value) {
  try {
    return Boolean(asId(value, ''));
  } catch {
    return false;
  }
}

/** Returns a function that runs a task soon, at most once per interval, and seldom if it takes long. */
function throttled(task, interval) {
  let timer = 0;
  let next = 0;
  let isRunning = false;
  const run = async () => {
    timer = 0;
    isRunning = true;
    const began = Date.now();
    await task();
    isRunning = false;
    next = Date.now() + Math.max(interval, 20 * (Date.now() - began));
  };
  return () => {
    if (!isRunning) timer ||= setTimeout(() => void run(), Math.max(150, next - Date.now()));
  };
}

/** Whether the inbox waits for a destination until it is back. */
const isDown = (name) =>
  (state.status?.inbox?.waiting ?? []).some((one) => one.destination === name && one.down_since !== null);

/** Returns the time until the next attempt, which stays right. */
function dueText({ state: word, destination, due }) {
  if (due === null) return '–';
  if (word === 'pending' && isDown(destination)) return 'when it is back';
  const node = moment(due, untilText(due));
  node.dataset.until = String(due);
  return node;
}

const untilText = (ms) => (ms <= gateNow() ? 'now' : `in ${span(ms - gateNow())}`);

/** Returns the status, reason and first line of the last response. */
function lastResponse(item) {
  if (item.last === null && item.reason === null) return el('span', { class: 'dim' }, 'no attempt yet');
  const parts = [
    item.status !== null && el('strong', {}, String(item.status)),
    item.reason && el('span', { title: meaningOf(item.reason) }, visible(item.reason, 60)),
    item.response && foreign(item.response, 160),
    item.last !== null && since(item.last),
  ].filter(Boolean);
  return parts.flatMap((part, index) => (index > 0 ? [el('span', { class: 'dot' }, ' · '), part] : [part]));
}

/** Returns the content of the inbox: its room, and the queue and health of each destination. */
function queuesPanel(inbox) {
  const health = new Map((state.status?.destinations ?? []).map((one) => [one.destination, one]));
  const waiting = new Map(inbox.waiting.map((one) => [one.destination, one]));
  for (const name of health.keys()) {
    if (!waiting.has(name))
      waiting.set(name, {
        destination: name,
        configured: true,
        down_since: null,
        pending: 0,
        oldest: null,
        dead: 0,
        quarantined: 0,
      });
  }
  const { node, body } = table({
    label: 'Destinations',
    className: 'queues cards',
    headings: ['Destination', 'Health', ['Pending', 'num'], 'Oldest', ['Dead', 'num'], ['Quarantined', 'num']],
  });
  const numberOf = ({ destination }, word, number) =>
    number > 0
      ? el(
          'a',
          {
            class: `link tone-${word}`,
            href: `#/inbox?state=${word}&destination=${encode(destination || NO_DESTINATION)}`,
            'aria-label': `${count(number)} ${word} for ${destination ? visible(destination, 60) : 'no destination'}`,
          },
          count(number),
        )
      : el('span', { class: 'dim' }, '0');
  for (const queue of [...waiting.values()].sort((one, other) => one.destination.localeCompare(other.destination))) {
    body.append(
      el(
        'tr',
        { role: 'row' },
        cell('Destination', 'c-destination', queue.destination ? foreign(queue.destination, 60) : el('em', {}, 'none')),
        cell('Health', 'c-health', healthOf(queue, health.get(queue.destination))),
        cell('Pending', 'num', numberOf(queue, 'pending', queue.pending)),
        cell('Oldest', 'c-oldest', queue.oldest === null ? el('span', { class: 'dim' }, '–') : since(queue.oldest, '')),
        cell('Dead', 'num', numberOf(queue, 'dead', queue.dead)),
        cell('Quarantined', 'num', numberOf(queue, 'quarantined', queue.quarantined)),
      ),
    );
  }
  return section(
    'Destinations',
    { class: 'queues-panel' },
    inbox.trouble &&
      el(
        'div',
        { class: 'notice notice-bad', role: 'alert' },
        prose(`Events cannot be stored: ${visible(inbox.trouble)}.`),
      ),
    el('div', { class: 'gauges' }, gauge('Events', inbox.events), gauge('Bytes', inbox.bytes, bytes)),
    node,
  );
}

function healthOf(queue, health) {
  if (queue.destination === '') return el('span', { class: 'dim' }, 'no destination subscribes');
  if (!queue.configured)
    return el('span', { class: 'tag tone-failed' }, mark('cross'), 'not configured: move its deliveries');
  if (queue.down_since !== null)
    return el(
      'span',
      { class: 'tag tone-failed' },
      mark('cross'),
      el('span', {}, 'down for ', since(queue.down_since, '')),
    );
  const { last_taken: taken, last_failed: failed } = health ?? {};
  if (failed && failed.at > (taken ?? 0))
    return el(
      'span',
      { class: 'tag tone-rejected' },
      mark('triangle'),
      el('span', {}, 'last attempt failed: ', foreign(failed.reason, 60)),
    );
  if (taken)
    return el('span', { class: 'tag tone-accepted' }, mark('disc'), el('span', {}, 'up, last delivery ', since(taken)));
  return el('span', { class: 'dim' }, 'no attempt yet');
}

function noInbox() {
  return emptyBox(
    'This gate has no inbox',
    prose(
      'With an inbox, a 200 means that the event is stored, and the gate delivers it with retries. Add the table to the configuration file, and the last line to your `[[endpoint]]`:',
    ),
    copyBlock('[inbox]\nstore = "sqlite:/var/lib/cartgate/inbox.db"\n\n# in [[endpoint]]\ndurable = true', 'Setting'),
  );
}

function nothingStored() {
  return emptyBox(
    'The inbox is empty',
    prose('Each verified delivery to a durable endpoint appears here, once for each destination. Send one:'),
    sendExample(),
  );
}

/** The time for which a job that is over stays on the page. */
const JOB_SHOWN = 600_000;

/** Shows the jobs that run, and the last ones, until all are over. */
async function drawJobs(place, signal) {
  let loaded;
  try {
    loaded = await api(
      'inbox/jobs',
      (value) => fitting(Array.isArray(value) ? value : (value?.items ?? []), jobShape),
      { signal },
    );
  } catch {
    // The list of jobs is an extra; the inbox itself reports why the gate does not respond.
    return;
  }
  // A job that was only counted has changed nothing.
  const shown = loaded.items.filter((job) => job.started !== null).sort((one, other) => other.started - one.started);
  const running = shown.filter((job) => !isOver(job));
  const line = (job) => {
    const progress = jobProgress();
    progress.show(job);
    progress.node.firstChild.removeAttribute('id');
    const words = `${ACTIONS[job.action]?.title ?? visible(job.action, 20)} ${deliveries(job.count ?? 0)}`;
    const cancel = () =>
      request(`inbox/jobs/${encode(job.id)}`, { method: 'DELETE' }).then(() => emit('jobs'), failAction);
    return el(
      'li',
      { class: `job job-${visible(job.state, 20)}`, 'data-key': `${job.id} ${isOver(job)}` },
      el('span', { class: 'job-name' }, words),
      isOver(job)
        ? el('span', {}, jobOutcome(job).join(' '), ' ', job.ended && since(job.ended))
        : [progress.node, actButton('Cancel', cancel, { class: 'small' })],
    );
  };
  const recent = shown.filter((job) => isOver(job) && gateNow() - (job.ended ?? 0) < JOB_SHOWN).slice(0, 3);
  const all = [...running, ...recent];
  redraw(place, all.length > 0 && section('Jobs', { class: 'jobs' }, el('ul', {}, all.map(line))));
  if (running.length > 0 && !signal.aborted) setTimeout(() => !signal.aborted && void drawJobs(place, signal), 1000);
}

// -------------------------------------------------------------------------------------- 14 delivery

/** The delivery that waits for a second one to be compared with. */
let compareWith = '';

function deliveryView({ root, parts, signal, keys }) {
  const [deliveryId = ''] = parts;
  router.lastOpened = deliveryId;
  const place = el('div', { class: 'stack' }, waitBox('Loading the delivery…'));
  const back = () => {
    location.hash = router.from;
  };
  fill(
    root,
    el(
      'a',
      { class: 'back', href: router.from },
      `← ${VIEWS[router.from.replace(/^#\/(\w*).*$/, '$1')]?.title ?? 'Live'}`,
    ),
    place,
  );
  setTitle('Delivery ', el('span', { class: 'id title-id' }, visible(deliveryId, 60)));
  keys.Escape = back;
  keys.Backspace = back;
  if (!isId(deliveryId)) {
    refill(
      place,
      emptyBox(
        'This is not the id of a delivery',
        prose('An id has 36 characters. The sender finds it in the header `X-Cartgate-Delivery` of the response.'),
      ),
    );
    return;
  }
  let panel = null;
  const load = () => api(`deliveries/${encode(deliveryId)}`, deliveryShape, { signal });
  const loadKnown = () => load().catch((error) => (error.status === 404 ? null : Promise.reject(error)));
  void loadInto(place, signal, loadKnown, (shown) => {
    if (!shown) return unknownDelivery();
    panel = deliveryPanel(deliveryId, shown, keys, signal);
    return panel.nodes;
  });
  const refresh = throttled(async () => {
    if (!signal.aborted && panel) await load().then(panel.update, () => {});
  }, 2000);
  on('cause', (row) => row.id === deliveryId && refresh(), signal);
  on('inbox', () => panel?.isOpen() && refresh(), signal);
  on('jobs', refresh, signal);
}

const unknownDelivery = () =>
  emptyBox(
    'The gate does not know this delivery',
    prose('The ring holds the last 1,000 requests. Older ones are in the log, and stored events in the inbox.'),
  );

/** Returns a delivery. What changes while it is shown is brought up to date by `update`. */
function deliveryPanel(deliveryId, shown, keys, signal) {
  const { row, event, rejection, received, forwarded } = shown;
  const head = received ?? event?.head ?? null;
  const bodyPath = event
    ? `inbox/events/${encode(deliveryId)}/body`
    : rejection
      ? `rejected/${encode(deliveryId)}/body`
      : null;
  const again = el('span', {});
  const places = {
    summary: el('div', {}),
    timeline: el('div', {}),
    head: el('div', {}),
    rejection: rejection ? el('div', {}, waitBox('Loading the saved rejection…')) : null,
  };
  let current = shown;
  if (event) keys.r = () => void redeliver(deliveryId);
  keys.c = () => compareFrom(deliveryId);
  const isCopy = row?.verdict === 'stored' && !event;
  const copyWords =
    'The inbox keeps the first event with this body and counts its copies. This copy was delivered, or waits with it.';
  const notes = {
    nothing: isCopy ? copyWords : 'The gate forwarded nothing.',
    isAhead: (name) =>
      (event?.deliveries ?? []).some(
        (one) => one.destination === name && one.attempts === 0 && one.state === 'pending',
      ),
  };
  refill(
    places.head,
    head
      ? headsPanel(
          received ? 'As received' : 'As stored, without the headers that the gate drops',
          head,
          forwarded,
          notes,
        )
      : section(
          'Request',
          {},
          prose(
            'The head is no longer in memory: the ring holds the last 1,000 requests, and only while a console is open.',
          ),
        ),
  );
  if (rejection) {
    void loadInto(
      places.rejection,
      signal,
      () => api(`rejected/${encode(deliveryId)}`, rejectionShape, { signal }),
      (item) => {
        if (!head && item.headers && item.method && item.target)
          refill(places.head, headsPanel('As received', item, []));
        return rejectionPanel(item, signal);
      },
    );
  }
  const isOpen = () => (current.event?.deliveries ?? []).some((one) => one.state !== 'delivered');

  function update(fresh) {
    current = fresh;
    redraw(places.summary, summaryOf(deliveryId, fresh));
    redraw(places.timeline, section('Timeline', { class: 'timeline-panel' }, timeline(deliveryId, fresh)));
    setText(again, isOpen() ? 'Retry…' : 'Replay…');
  }

  update(shown);
  const size = row?.bytes ?? event?.deliveries[0]?.size ?? null;
  const body = bodyPath
    ? bodyPanel(bodyPath, size, signal)
    : prose(
        isCopy
          ? copyWords
          : 'The gate does not keep this body. It stores bodies only in the inbox and with saved rejections.',
      );
  const nodes = [
    places.summary,
    deliveryActions(deliveryId, event, bodyPath, again),
    places.rejection,
    places.timeline,
    places.head,
    section('Body', { class: 'body-panel' }, body),
  ];
  return { nodes, update, isOpen };
}

function deliveryActions(deliveryId, event, bodyPath, again) {
  const compare = compareWith && compareWith !== deliveryId ? `Compare with ${shortId(compareWith)}` : 'Compare…';
  return el(
    'div',
    { class: 'actions' },
    event &&
      actButton([again, el('kbd', {}, 'r')], () => void redeliver(deliveryId), {
        class: 'primary',
        id: 'delivery-redeliver',
      }),
    event && actButton('Copy as curl', () => void copyCurl(deliveryId), { id: 'delivery-curl' }),
    event && button('Copy as cartgate send', () => void copyCommand(sendLine(event))),
    bodyPath && button('Download body', () => void download(bodyPath, `${deliveryId}.body`)),
    button([el('span', {}, compare), el('kbd', {}, 'c')], () => compareFrom(deliveryId)),
  );
}

/** Returns where the deliveries of an event are now. */
function nowOf({ deliveries: all }) {
  const line = (one) =>
    el(
      'div',
      {},
      tag(STATES, one.state),
      one.destination === null ? '' : [one.state === 'pending' ? ' for ' : ' at ', foreign(one.destination, 60)],
      one.state === 'delivered' && one.last !== null && [' ', since(one.last)],
    );
  return all.length > 0 && el('div', {}, all.map(line));
}

function summaryOf(deliveryId, { row, event, rejection }) {
  const first = event?.deliveries[0];
  const at = row?.at ?? event?.received ?? bornAt(deliveryId);
  return facts(
    ['Verdict', row && tag(VERDICTS, row.verdict)],
    [
      'Reason',
      row?.reason &&
        el(
          'span',
          {},
          el('code', {}, visible(row.reason, 60)),
          REASONS.has(row.reason) ? ` ${meaningOf(row.reason)}` : '',
        ),
    ],
    ['Probable cause', row?.cause && !rejection && foreign(rowById.get(row.id)?.causeText || row.cause)],
    ['Received', at !== null && el('span', {}, moment(at), ' (', since(at), ')')],
    ['Endpoint', (row?.endpoint ?? event?.endpoint) && foreign(row?.endpoint ?? event.endpoint, 64)],
    ['Kind', (row?.kind ?? event?.kind) && foreign(row?.kind ?? event.kind, 30)],
    ['Secret', (row?.secret ?? event?.head?.secret) && foreign(row?.secret ?? event.head.secret, 64)],
    ['Client', (row?.peer ?? event?.head?.peer) && foreign(row?.peer ?? event.head.peer, 80)],
    ['Now', event && nowOf(event)],
    [
      'Response',
      row && (row.status === null ? 'none: the client had gone' : `${row.status} after ${duration(row.ms)} ms`),
    ],
    ['Body', (row || first) && bytes(row?.bytes ?? first.size)],
    ['Repeats', row?.duplicate_of && rowLink(row.duplicate_of, `Delivery ${shortId(row.duplicate_of)}`)],
    [
      'Copies',
      first &&
        first.seen > 1 &&
        `${counted(first.copy, 'event')} with the same body before it, ${count(first.seen)} in all`,
    ],
    [
      'Seal',
      event &&
        !event.intact &&
        el(
          'span',
          { class: 'tag tone-failed' },
          mark('cross'),
          el('span', {}, 'broken: ', foreign(event.broken ?? 'unknown')),
        ),
    ],
  );
}

/** Returns the time in the id of a delivery, a UUID of version 7. */
const bornAt = (deliveryId) =>
  deliveryId[14] === '7' ? Number.parseInt(deliveryId.replace('-', '').slice(0, 12), 16) : null;

/** Returns what happened, in its order. */
function timeline(deliveryId, { row, event, rejection }) {
  const at = row?.at ?? event?.received ?? bornAt(deliveryId);
  const steps = [];
  const add = (tone, shape, time, ...words) =>
    steps.push(
      el(
        'li',
        { class: `step tone-${tone}` },
        mark(shape),
        el('div', {}, words),
        time === null || time === undefined ? null : moment(time),
      ),
    );
  const peer = row?.peer ?? event?.head?.peer;
  add(
    'neutral',
    'ring',
    at,
    el('strong', {}, 'Received'),
    peer && [' from ', foreign(peer, 80)],
    row && ` · ${bytes(row.bytes)}`,
  );
  const secret = row?.secret ?? event?.head?.secret;
  if (secret) add('accepted', 'disc', null, el('strong', {}, 'Verified'), ' under secret ', foreign(secret, 64));
  if (row) {
    const { mark: shape, meaning } = VERDICTS.get(row.verdict) ?? { mark: 'question', meaning: '' };
    add(
      row.verdict,
      shape,
      row.at + row.ms,
      el('strong', {}, capital(visible(row.verdict, 30))),
      row.status === null ? '' : ` with ${row.status}`,
      ` after ${duration(row.ms)} ms`,
      row.destination && [' by ', foreign(row.destination, 60)],
      el(
        'p',
        { class: 'hint' },
        row.reason ? `${visible(row.reason, 60)}: ${meaningOf(row.reason) || meaning}` : meaning,
      ),
    );
  }
  if (rejection && !row)
    add('rejected', 'triangle', null, el('strong', {}, 'Rejected'), ': its signature matched no secret');
  const attempts = event?.attempts ?? [];
  const earlier = attempts.length - SHOWN_ATTEMPTS;
  if (earlier > 0) add('neutral', 'ring', null, `${count(earlier)} earlier attempts`);
  for (const attempt of attempts.slice(-SHOWN_ATTEMPTS)) attemptStep(attempt, add);
  for (const one of event?.deliveries ?? []) {
    stepsOf(
      one,
      attempts.filter((attempt) => attempt.destination === one.destination),
      add,
    );
  }
  return el('ol', { class: 'timeline' }, steps);
}

/** The attempts that a timeline lists. */
const SHOWN_ATTEMPTS = 50;

/** Adds the steps of a stored delivery to one destination that its known attempts do not show. */
function stepsOf(one, attempts, add) {
  const to = () => (one.destination === null ? el('em', {}, 'no destination') : foreign(one.destination, 60));
  const times = one.attempts === 1 ? '1 attempt' : `${count(one.attempts)} attempts`;
  if (one.state === 'delivered') {
    if (attempts.at(-1)?.result !== 'delivered')
      add(
        'accepted',
        'disc',
        one.last,
        el('strong', {}, 'Delivered'),
        ' to ',
        to(),
        ` after ${times}`,
        one.status === null ? '' : ` with ${one.status}`,
      );
    return;
  }
  const isShown = attempts.some(({ number, result }) => result === 'failed' && number === one.attempts);
  if (one.attempts > 0 && !isShown) {
    add(
      'failed',
      'cross',
      one.last,
      el('strong', {}, `Attempt ${count(one.attempts)} failed`),
      ' at ',
      to(),
      el('span', { class: 'dot' }, ' · '),
      lastResponse({ ...one, last: null }),
    );
  }
  if (one.state === 'dead')
    add('dead', 'cross', null, el('strong', {}, 'Dead letter'), ' for ', to(), ': no further attempt without a retry');
  else if (one.state === 'quarantined')
    add(
      'quarantined',
      'diamond',
      null,
      el('strong', {}, 'In quarantine'),
      ' for ',
      to(),
      ': it changed after it was stored, so no app receives it',
    );
  else
    add(
      'pending',
      'half',
      one.due > gateNow() && !isDown(one.destination) ? one.due : null,
      el('strong', {}, 'Waits'),
      ' for ',
      to(),
      ', next attempt ',
      dueText(one),
    );
}

/** Adds the step of one attempt that the gate remembers, at its end. */
function attemptStep({ destination, number, started, ms, result, status, reason, response }, add) {
  const isGood = result === 'delivered';
  const words = [reason, response]
    .filter(Boolean)
    .map((one) => [el('span', { class: 'dot' }, ' · '), foreign(one, 160)]);
  add(
    isGood ? 'accepted' : 'failed',
    isGood ? 'disc' : 'cross',
    started + (ms ?? 0),
    el('strong', {}, isGood ? 'Delivered' : `Attempt ${count(number)} failed`),
    isGood ? ' to ' : ' at ',
    foreign(destination ?? '', 60),
    isGood ? ` in attempt ${count(number)}` : '',
    status === null ? '' : ` with ${status}`,
    ms === null ? '' : ` after ${duration(ms)} ms`,
    isGood ? null : words,
    result === 'deferred' && el('p', { class: 'hint' }, 'It does not count, because the destination is at fault.'),
  );
}

/** Returns the verdict of today on a saved rejection, with its actions. */
function rejectionPanel(item, signal) {
  const place = el('div', {});
  async function forward(current) {
    if ((await forwardRejection(current)) && !signal.aborted) draw({ ...current, forwarded: gateNow() });
  }
  const draw = (current) =>
    refill(
      place,
      facts(
        ['Verifies now', verifiedTag(current)],
        [
          'Cause',
          current.diagnosis &&
            el(
              'span',
              {},
              el('code', {}, visible(current.diagnosis.cause, 60)),
              ' ',
              foreign(current.diagnosis.text, 400),
              current.diagnosis.certainty &&
                el('span', { class: 'dim' }, ` (${visible(current.diagnosis.certainty, 20)})`),
            ),
        ],
        ['Advice', current.diagnosis?.advice && foreign(capital(current.diagnosis.advice), 400)],
        ['Source', current.source && foreign(current.source, 80)],
        ['Forwarded', current.forwarded && since(current.forwarded)],
      ),
      el(
        'div',
        { class: 'actions' },
        actButton('Recheck', async () => {
          const again = await recheckRejection(current.id, signal);
          if (again) draw({ ...current, ...again });
        }),
        current.secret !== null &&
          current.late !== 'waiting' &&
          actButton('Forward…', () => void forward(current), { class: 'primary' }),
        button('Copy as cartgate send', () => void copyCommand(forwardLine(current))),
      ),
    );
  draw(item);
  return section('Saved rejection', { class: 'rejection-panel' }, place);
}

/** Reads a text of a TOML file that the gate has written: `key = "…"` or the first of a list, in a table. */
function tomlText(toml, table, key) {
  const lines = toml.split('\n');
  const begin = lines.indexOf(table === null ? '' : `[${table}]`) + 1;
  if (begin === 0) return null;
  for (const line of lines.slice(begin)) {
    if (line.startsWith('[')) return null;
    const found = /^([\w-]+) = \[?("(?:[^"\\]|\\.)*")/.exec(line);
    if (found?.[1] === key) return JSON.parse(found[2]);
  }
  return null;
}

/** Returns a text as one word of a shell. */
const shellWord = (words) => (/^[\w.,:/@%+=~-]+$/.test(words) ? words : `'${words.replaceAll("'", "'\\''")}'`);

/** Returns the parts of commands, from the configuration in force; those in capitals are not known. */
async function commandParts(secret) {
  const toml = await api('config', configShape).then(
    (config) => config.toml,
    () => '',
  );
  const listen = tomlText(toml, 'server', 'listen') ?? '127.0.0.1:8080';
  const address = listen.replace(/^(0\.0\.0\.0|\[::\])(?=:)/, '127.0.0.1');
  const file = secret ? tomlText(toml, `secret.${secret}`, 'file') : null;
  return {
    origin: `${/^tls = /m.test(toml) ? 'https' : 'http'}://${address}`,
    secretFile: file === null ? 'SECRET-FILE' : shellWord(file),
    rejectedDir: tomlText(toml, 'rejected', 'dir') ?? 'REJECTED-DIR',
  };
}

async function copyCommand(line) {
  const words = await line;
  await copy(words, /[A-Z]+-(FILE|DIR)/.test(words) ? 'Command with file names to replace (in capitals)' : 'Command');
}

/** Returns the commands that send a stored body again. */
async function sendLine({ id: eventId, head }) {
  const { origin, secretFile } = await commandParts(head?.secret ?? null);
  const [path] = (head?.target ?? '/').split('?');
  const method = head && head.method !== 'POST' ? ` --method ${shellWord(head.method)}` : '';
  const file = `${eventId}.body`;
  return `cartgate inbox show --config CONFIG-FILE ${eventId} --body > ${file}\ncartgate send ${shellWord(origin + path)} --secret-file ${secretFile}${method} --body ${file}`;
}

/** Returns the command that sends a saved rejection again, under its own signature. */
async function forwardLine({ id: rejectionId, received, secret }) {
  const { origin, secretFile, rejectedDir } = await commandParts(secret);
  const time = new Date(received).toISOString().slice(0, 19).replace(/[-:]/g, '');
  return `cartgate send ${shellWord(origin)} --secret-file ${secretFile} --delivery ${shellWord(`${rejectedDir}/${time}Z-${rejectionId}.http`)}`;
}

async function copyCurl(deliveryId) {
  try {
    const response = await request(`deliveries/${encode(deliveryId)}/curl`);
    await copy(await response.text(), 'curl line');
  } catch (error) {
    failAction(error);
  }
}

/** Saves a resource as a file. The request of a link would not carry the page key. */
async function download(path, name) {
  try {
    const response = await request(path);
    const url = URL.createObjectURL(await response.blob());
    el('a', { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  } catch (error) {
    failAction(error);
  }
}

/** Remembers a delivery for a comparison, or opens the comparison with the remembered one. */
function compareFrom(deliveryId) {
  if (compareWith && compareWith !== deliveryId) {
    const other = compareWith;
    compareWith = '';
    location.hash = `#/compare/${encode(other)}/${encode(deliveryId)}`;
    return;
  }
  const row = rowById.get(deliveryId);
  const candidates = state.rows
    .filter((one) => one.id !== deliveryId && (!row?.endpoint || one.endpoint === row.endpoint))
    .slice(0, 12);
  const { box, body } = openDialog({ title: `Compare ${shortId(deliveryId)} with` });
  const choose = (other) => {
    box.close();
    location.hash = `#/compare/${encode(deliveryId)}/${encode(other)}`;
  };
  const field = el('input', {
    id: 'compare-id',
    spellcheck: 'false',
    autocomplete: 'off',
    placeholder: 'Id of a delivery',
  });
  const form = el(
    'form',
    {
      onsubmit: (event) => {
        event.preventDefault();
        if (isId(field.value.trim())) choose(field.value.trim().toLowerCase());
        else field.setAttribute('aria-invalid', 'true');
      },
    },
    el('label', { class: 'field', for: 'compare-id' }, el('span', { class: 'field-label' }, 'Id'), field),
    el('button', { type: 'submit' }, 'Compare'),
  );
  fill(
    body,
    form,
    el(
      'ul',
      { class: 'choices' },
      candidates.map((one) =>
        el(
          'li',
          {},
          button(
            [
              tag(VERDICTS, one.verdict),
              el('span', { class: 'choice-endpoint' }, visible(one.endpoint ?? '–', 30)),
              moment(one.at),
              el('span', { class: 'id' }, shortId(one.id)),
            ],
            () => choose(one.id),
          ),
        ),
      ),
    ),
  );
  fill(
    box,
    el(
      'div',
      { class: 'dialog-foot' },
      button('Cancel', () => box.close()),
      button('Choose it in the list', () => {
        compareWith = deliveryId;
        box.close();
        toast('Open the other delivery and press c.');
        location.hash = router.from;
      }),
    ),
  );
  field.focus();
}

/** The families of headers that the gate changes: the reason to drop or change one, and to add one. */
const HEADER_RULES = [
  [
    /^(connection|keep-alive|te|trailer|transfer-encoding|upgrade|proxy-connection|http2-settings)$/,
    'belongs to the connection with the client',
    '',
  ],
  [/^content-length$/, 'rebuilt from the bytes of the body', 'the bytes of the body'],
  [/^host$/, 'names the destination', 'names the destination'],
  [/^expect$/, 'the gate responds to it itself', ''],
  [/^cookie$/, 'apps would take it for a session', ''],
  [/^proxy-/, 'belongs to proxies', ''],
  [/^x-cartgate-/, 'only the gate may say this', 'the verdict, and what the gate knows of the delivery'],
  [/^webhook-/, 'only the gate may sign this way', 'signature of the gate, by Standard Webhooks'],
  [
    /^(forwarded|x-forwarded-.*|x-real-ip)$/,
    'apps trust it, so only the gate may say it',
    'the client, as the gate has seen it',
  ],
  [/^via$/, 'names the gate on the way', 'names the gate on the way'],
  [/^(x-http-method.*|x-method-override)$/, 'would change the method in some apps', ''],
  [/^(x-original-url|x-rewrite-url)$/, 'would change the path in some apps', ''],
  [/^(traceparent|tracestate)$/, 'continues the trace', 'begins a trace'],
  [/_/, 'some apps read it as its twin with a hyphen', ''],
];

function reasonFor({ name, kind }, named) {
  if (kind === 'dropped' && named.has(name)) return 'the header Connection names it';
  const [, dropped = '', added = ''] = HEADER_RULES.find(([pattern]) => pattern.test(name)) ?? [];
  return kind === 'added' ? added : dropped;
}

/** Returns the headers that belong to the connection, by the header Connection. */
function connectionOptions(list) {
  const values = list.filter(([name]) => name.toLowerCase() === 'connection').map(([, value]) => value);
  return new Set(
    values
      .join(',')
      .toLowerCase()
      .split(',')
      .map((option) => option.trim()),
  );
}

/** Returns the changes of the gate from one list of headers to another. */
function headerChanges(before, after) {
  const group = (list) => {
    const values = new Map();
    for (const [name, value] of list) {
      const key = name.toLowerCase();
      values.set(key, [...(values.get(key) ?? []), value]);
    }
    return values;
  };
  const [from, to] = [group(before), group(after)];
  const names = [...new Set([...from.keys(), ...to.keys()])];
  return names.map((name) => {
    const [old, now] = [from.get(name) ?? null, to.get(name) ?? null];
    const same = old && now && old.length === now.length && old.every((value, index) => value === now[index]);
    return { name, old, now, kind: same ? 'kept' : !old ? 'added' : !now ? 'dropped' : 'changed' };
  });
}

/** Returns the request as received, the changes of the gate, and the request as forwarded. */
function headsPanel(title, head, forwarded, notes = { nothing: 'The gate forwarded nothing.', isAhead: () => false }) {
  const place = el('div', {});
  const draw = (chosen) => refill(place, threeColumns(title, head, chosen, notes));
  const choice =
    forwarded.length > 1 &&
    picker({
      id: 'delivery-destination',
      label: 'Forwarded to',
      all: visible(forwarded[0].destination ?? '', 60),
      options: forwarded.slice(1).map((one) => one.destination ?? ''),
      value: '',
      onchange: (value) => draw(forwarded.find((one) => one.destination === value) ?? forwarded[0]),
    });
  draw(forwarded[0] ?? null);
  return section('Request', { class: 'heads-panel' }, choice && choice.node, place);
}

function threeColumns(title, head, forwarded, { nothing, isAhead }) {
  const received = headBlock(title, head, new Map());
  if (!forwarded) {
    return el(
      'div',
      { class: 'heads heads-one' },
      received,
      el('div', { class: 'head-block' }, el('h3', {}, 'As forwarded'), prose(nothing)),
    );
  }
  const changes = headerChanges(head.headers, forwarded.headers);
  const kinds = new Map(changes.map((change) => [change.name, change.kind]));
  const only = (...wanted) => changes.filter(({ kind }) => wanted.includes(kind));
  const options = connectionOptions(head.headers);
  const group = (heading, some, sign) =>
    some.length > 0 && [
      el('h4', {}, `${heading} (${some.length})`),
      el(
        'ul',
        {},
        byReason(some, options).map(([reason, same]) => headerChange(same, reason, sign)),
      ),
    ];
  const line = head.method !== forwarded.method || head.target !== forwarded.target;
  const kept = only('kept').length;
  const middle = el(
    'div',
    { class: 'head-block head-changes' },
    el('h3', {}, 'Changes by the gate'),
    line &&
      el(
        'p',
        { class: 'change change-changed' },
        el('span', { class: 'sign', 'aria-hidden': 'true' }, '~'),
        el(
          'span',
          {},
          foreign(`${head.method} ${head.target}`, 120),
          ' → ',
          foreign(`${forwarded.method} ${forwarded.target}`, 120),
        ),
      ),
    group('Dropped', only('dropped'), ['−', 'dropped']),
    group('Changed', only('changed'), ['~', 'changed']),
    group('Added', only('added'), ['+', 'added']),
    el('p', { class: 'hint' }, `${counted(kept, 'header')} and the body pass byte for byte.`),
  );
  const words = isAhead(forwarded.destination) ? 'As it will be forwarded' : 'As forwarded';
  const to = forwarded.destination === null ? words : [`${words} to `, foreign(forwarded.destination, 60)];
  return el(
    'div',
    { class: 'heads' },
    headBlock(title, head, kinds, 'dropped'),
    middle,
    headBlock(to, forwarded, kinds, 'added'),
  );
}

/** Groups changes that have the same reason. */
function byReason(changes, options) {
  const groups = new Map();
  for (const change of changes) {
    const reason = reasonFor(change, options);
    groups.set(reason, [...(groups.get(reason) ?? []), change]);
  }
  return [...groups];
}

function headerChange(changes, reason, [char, word]) {
  const values = ({ old, now }) => old && now && [' ', foreign(old.join(', '), 60), ' → ', foreign(now.join(', '), 60)];
  const names = changes.map((change) => el('div', {}, code(change.name, 80), values(change)));
  return el(
    'li',
    { class: `change change-${word}` },
    el('span', { class: 'sign', 'aria-hidden': 'true' }, char),
    el('div', {}, names, reason && el('p', { class: 'hint' }, capital(reason))),
  );
}

/** Returns a head as lines; those of the marked kind, and changed ones, have a sign. */
function headBlock(title, head, kinds, marked = '') {
  const sign = { dropped: ['−', 'dropped'], added: ['+', 'added'], changed: ['~', 'changed'] };
  const line = ([name, value]) => {
    const kind = kinds.get(name.toLowerCase());
    const [char, word] = kind === marked || kind === 'changed' ? (sign[kind] ?? ['', '']) : ['', ''];
    return el(
      'div',
      { class: `head-line ${word ? `change-${word}` : ''}` },
      el('span', { class: 'sign', 'aria-hidden': 'true' }, char),
      el(
        'span',
        {},
        el('bdi', { class: 'head-name' }, visible(name, 200)),
        ': ',
        foreign(value, 2000),
        word && el('span', { class: 'sr' }, ` (${word})`),
      ),
    );
  };
  return el(
    'div',
    { class: 'head-block' },
    el('h3', {}, title),
    el(
      'div',
      { class: 'head-lines' },
      el(
        'div',
        { class: 'head-line' },
        el('span', { class: 'sign' }),
        el('strong', {}, foreign(`${head.method} ${head.target}`, 2000)),
      ),
      head.headers.map(line),
    ),
    head.omitted > 0 &&
      prose(`${counted(head.omitted, 'header')} more; the gate shows the first 8 KiB.`, { class: 'hint' }),
  );
}

/** The bytes of a body that the page shows at once. */
const BODY_SHOWN = 262_144;

const HEX_SHOWN = 32_768;

/** Returns the button that opens the body, and then the body. */
function bodyPanel(path, size, signal) {
  const place = el('div', { id: 'delivery-body' });
  const load = async () => {
    const response = await request(path, { signal });
    return new Uint8Array(await response.arrayBuffer());
  };
  const open = () => {
    refill(place, waitBox('Loading the body…'));
    void loadInto(place, signal, load, shownBody);
  };
  fill(
    place,
    button(size === null ? 'Show the body' : `Show the body (${bytes(size)})`, open, { id: 'delivery-body-show' }),
    prose('A body contains personal data. The log of the gate records that you open it.', { class: 'hint' }),
  );
  return place;
}

/** Returns a body as pretty JSON, raw text or hex. */
function shownBody(octets) {
  if (octets.length === 0) return prose('The body is empty.');
  const words = utf8(octets);
  const forms = [
    words !== null && isJson(words) && ['JSON', () => jsonBlock(words)],
    words !== null && [
      'Raw',
      () => el('pre', { class: 'body-text', tabindex: '0' }, visibleBlock(words.slice(0, BODY_SHOWN))),
    ],
    ['Hex', () => el('pre', { class: 'body-hex', tabindex: '0' }, hexDump(octets.subarray(0, HEX_SHOWN)))],
  ].filter(Boolean);
  const content = el('div', {});
  const cutNote = (name) => {
    const most = name === 'Hex' ? HEX_SHOWN : BODY_SHOWN;
    return (
      octets.length > most &&
      prose(`The first ${bytes(most)} of ${bytes(octets.length)}. Download the body to see all of it.`, {
        class: 'hint',
      })
    );
  };
  const choices = forms.map(([name, draw]) =>
    button(name, () => show(name, draw), { 'aria-pressed': 'false', class: 'switch', 'data-form': name.toLowerCase() }),
  );
  function show(name, draw) {
    for (const choice of choices) choice.setAttribute('aria-pressed', String(choice.textContent === name));
    refill(content, cutNote(name), draw(), noteOf(name) && prose(noteOf(name), { class: 'hint' }));
  }
  function noteOf(name) {
    if (name === 'JSON') return 'Numbers, escapes and the order of keys are as in the bytes; only the spaces differ.';
    if (words === null) return 'These bytes are not UTF-8.';
    return isJson(words) ? '' : 'This is not JSON.';
  }
  show(...forms[0]);
  return [
    el(
      'div',
      { class: 'switches', role: 'group', 'aria-label': 'Form' },
      choices,
      words !== null && button('Copy', () => copy(words, 'Body'), { class: 'quiet' }),
    ),
    content,
  ];
}

function utf8(octets) {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(octets);
  } catch {
    return null;
  }
}

function isJson(words) {
  try {
    JSON.parse(words);
    return true;
  } catch {
    return false;
  }
}

/** The tokens of JSON. The text is known to be valid. */
const JSON_TOKEN = /[\s]*("[^"\\]*(?:\\.[^"\\]*)*"|-?[0-9][0-9.eE+-]*|true|false|null|[{}[\],:])/y;

/** The limits of pretty JSON: a payload may be nothing but brackets. */
const DEEPEST = 40;

const MOST_LINES = 20_000;

/** Returns the lines of JSON with new spaces and no other change, each as tokens with their kinds. */
function jsonLines(words) {
  const lines = [[]];
  let depth = 0;
  let previous = '';
  const put = (token, kind) => lines.at(-1).push([token, kind]);
  const turn = () => lines.push([['  '.repeat(Math.min(depth, DEEPEST)), 'space']]);
  JSON_TOKEN.lastIndex = 0;
  for (let match = JSON_TOKEN.exec(words); match && lines.length < MOST_LINES; match = JSON_TOKEN.exec(words)) {
    const token = match[1];
    const opens = token === '{' || token === '[';
    const closes = token === '}' || token === ']';
    if (closes) {
      depth -= 1;
      if (previous !== '{' && previous !== '[') turn();
    } else if (previous === '{' || previous === '[' || previous === ',') {
      turn();
    }
    put(token, kindOf(token));
    if (opens) depth += 1;
    if (token === ':') {
      const line = lines.at(-1);
      line.at(-2)[1] = 'key';
      put(' ', 'space');
    }
    previous = token;
  }
  return lines;
}

function kindOf(token) {
  if (token.startsWith('"')) return 'string';
  if (/^[-0-9]/.test(token)) return 'number';
  return /^[a-z]/.test(token) ? 'word' : 'sign';
}

/** The tokens that have a colour; further ones are plain, to keep the page quick. */
const COLOURED_TOKENS = 8000;

function jsonBlock(words) {
  const block = el('pre', { class: 'body-text body-json', tabindex: '0' });
  let tokens = 0;
  let plain = '';
  const page = document.createDocumentFragment();
  for (const line of jsonLines(words.length > BODY_SHOWN ? words.slice(0, BODY_SHOWN) : words)) {
    for (const [token, kind] of line) {
      tokens += 1;
      if (tokens > COLOURED_TOKENS || kind === 'space' || kind === 'sign') plain += token;
      else {
        if (plain) page.append(plain);
        plain = '';
        page.append(el('span', { class: `json-${kind}` }, visibleBlock(token)));
      }
    }
    plain += '\n';
  }
  page.append(visibleBlock(plain));
  block.append(page);
  return block;
}

function hexDump(octets) {
  const lines = [];
  for (let at = 0; at < octets.length; at += 16) {
    const part = [...octets.subarray(at, at + 16)];
    const hex = part.map((octet) => octet.toString(16).padStart(2, '0'));
    const left = hex.slice(0, 8).join(' ').padEnd(23);
    const right = hex.slice(8).join(' ').padEnd(23);
    const chars = part.map((octet) => (octet >= 32 && octet < 127 ? String.fromCharCode(octet) : '.')).join('');
    lines.push(`${at.toString(16).padStart(8, '0')}  ${left}  ${right}  ${chars}`);
  }
  return lines.join('\n');
}

// --------------------------------------------------------------------------------------- 15 compare

function compareView({ root, parts, signal, keys }) {
  const [one = '', other = ''] = parts;
  keys.Escape = () => {
    location.hash = `#/delivery/${encode(one)}`;
  };
  if (!isId(one) || !isId(other)) {
    fill(root, emptyBox('A comparison needs two ids', prose('Open a delivery and press `c`.')));
    return;
  }
  const place = el('div', { class: 'stack' }, waitBox('Loading both deliveries…'));
  fill(root, place);
  const load = () => Promise.all([one, other].map((which) => compared(which, signal)));
  void loadInto(place, signal, load, (both) => drawComparison([one, other], both, signal));
}

/** Loads a delivery, and what the ring has lost of a rejection from its file. */
async function compared(deliveryId, signal) {
  const shown = await api(`deliveries/${encode(deliveryId)}`, deliveryShape, { signal });
  const saved = shown.rejection ? await api(`rejected/${encode(deliveryId)}`, rejectionShape, { signal }) : null;
  return { ...shown, saved, bornAt: bornAt(deliveryId) };
}

function drawComparison(ids, both, signal) {
  const heads = both.map(
    ({ received, event, saved }) => received ?? event?.head ?? (saved?.headers && saved.method ? saved : null),
  );
  const value = (pick) => both.map((shown) => pick(shown) ?? null);
  const rows = [
    ['Verdict', value(({ row }) => row?.verdict)],
    ['Reason', value(({ row, saved }) => row?.reason ?? saved?.reason)],
    ['Cause', value(({ row, saved }) => row?.cause ?? saved?.cause)],
    ['Endpoint', value(({ row, event, saved }) => row?.endpoint ?? event?.endpoint ?? saved?.endpoint)],
    ['Kind', value(({ row, event }) => row?.kind ?? event?.kind)],
    ['Secret', value(({ row, event }) => row?.secret ?? event?.head?.secret)],
    ['Client', value(({ row, event, saved }) => row?.peer ?? event?.head?.peer ?? saved?.peer)],
    ['Status', value(({ row }) => row?.status)],
    ['Bytes', value(({ row, event, saved }) => row?.bytes ?? event?.deliveries[0]?.size ?? saved?.bytes)],
    [
      'Received',
      value(
        ({ row, event, bornAt: born }) =>
          (row?.at ?? event?.received ?? born) && clock(row?.at ?? event?.received ?? born),
      ),
    ],
    ['Method', heads.map((head) => head?.method ?? null)],
    ['Target', heads.map((head) => head?.target ?? null)],
  ];
  const fromHeaders =
    heads[0] && heads[1]
      ? headerChanges(heads[0].headers, heads[1].headers).map(({ name, old, now }) => [
          name,
          [old?.join(', ') ?? null, now?.join(', ') ?? null],
        ])
      : [];
  return [
    section('Facts', {}, pairTable('Facts', ids, rows)),
    section(
      'Headers',
      {},
      fromHeaders.length > 0
        ? pairTable('Headers', ids, fromHeaders, 'absent')
        : prose('The head of one of them is no longer in memory.'),
    ),
    section('Body', { class: 'body-panel' }, bodyComparison(ids, both, signal)),
  ];
}

/** Returns a table of two columns in which equal values are dim. */
function pairTable(label, ids, rows, absent = 'not known') {
  const { node, body } = table({
    label,
    className: 'cards pair-table',
    headings: [
      'Name',
      ...ids.map((one) => el('a', { class: 'id', href: `#/delivery/${encode(one)}` }, shortId(one))),
      'Same',
    ],
  });
  const shown = (value) => (value === null ? el('span', { class: 'dim' }, absent) : foreign(String(value), 500));
  for (const [name, [left, right]] of rows.filter(([, pair]) => pair.some((value) => value !== null))) {
    // Values that the gate hides may differ although they look alike.
    const isHidden = [left, right].some((value) => String(value).startsWith('(redacted'));
    const isUnknown = isHidden || (absent === 'not known' && (left === null || right === null));
    const same = left === right || isUnknown;
    const verdict = isUnknown ? el('span', { class: 'dim' }, 'not compared') : same ? 'yes' : el('strong', {}, 'no');
    body.append(
      el(
        'tr',
        { role: 'row', class: same ? 'same' : 'differs' },
        cell('Name', 'c-name', foreign(name, 100)),
        cell(shortId(ids[0]), 'c-pair', shown(left)),
        cell(shortId(ids[1]), 'c-pair', shown(right)),
        cell('Same', '', verdict),
      ),
    );
  }
  return node;
}

function bodyComparison(ids, both, signal) {
  const paths = both.map(({ event, rejection }, index) =>
    event ? `inbox/events/${encode(ids[index])}/body` : rejection ? `rejected/${encode(ids[index])}/body` : null,
  );
  if (paths.includes(null))
    return prose('The gate does not keep both bodies. It stores bodies only in the inbox and with saved rejections.');
  const place = el('div', {});
  const load = () =>
    Promise.all(paths.map(async (path) => new Uint8Array(await (await request(path, { signal })).arrayBuffer())));
  const open = () => {
    refill(place, waitBox('Loading both bodies…'));
    void loadInto(place, signal, load, ([left, right]) => bodyDiff(left, right));
  };
  fill(
    place,
    button('Compare the bodies', open, { id: 'compare-bodies' }),
    prose('Bodies contain personal data. The log of the gate records that you open them.', { class: 'hint' }),
  );
  return place;
}

/** Returns the difference of two bodies, line by line; JSON gets new lines first. */
function bodyDiff(left, right) {
  if (left.length === right.length && left.every((octet, index) => octet === right[index])) {
    return el('p', {}, el('strong', {}, 'The bodies are equal'), `, byte for byte (${bytes(left.length)}).`);
  }
  const lines = (octets) => {
    const words = utf8(octets);
    if (words === null) return hexDump(octets.subarray(0, HEX_SHOWN)).split('\n');
    if (isJson(words)) return jsonLines(words).map((line) => line.map(([token]) => token).join(''));
    return words.split('\n');
  };
  const diff = diffLines(lines(left), lines(right));
  const changed = diff.filter(([sign]) => sign !== ' ').length;
  const title =
    changed === 0 ? 'Only spaces or line ends differ.' : `${counted(changed, 'line differs', 'lines differ')}.`;
  const words = { '-': 'only in the first', '+': 'only in the second', ' ': '' };
  return [
    prose(title),
    el(
      'div',
      { class: 'diff', tabindex: '0', role: 'group', 'aria-label': 'Difference' },
      foldEqual(diff).map(([sign, line]) =>
        el(
          'div',
          { class: `diff-line diff-${{ '-': 'old', '+': 'new', ' ': 'same', '…': 'fold' }[sign]}` },
          el('span', { class: 'sign', 'aria-hidden': 'true' }, sign),
          el('span', {}, visible(line, 2000), words[sign] && el('span', { class: 'sr' }, ` (${words[sign]})`)),
        ),
      ),
    ),
  ];
}

/** Folds long runs of equal lines. */
function foldEqual(diff) {
  const folded = [];
  for (let at = 0; at < diff.length && folded.length < 2000;) {
    let end = at;
    while (end < diff.length && diff[end][0] === ' ') end += 1;
    if (end - at > 8)
      folded.push(...diff.slice(at, at + 3), ['…', `${count(end - at - 6)} equal lines`], ...diff.slice(end - 3, end));
    else folded.push(...diff.slice(at, Math.max(end, at + 1)));
    at = Math.max(end, at + 1);
  }
  return folded;
}

/** Returns the shortest difference of two lists of lines; of very long ones, a coarse one. */
function diffLines(left, right) {
  let start = 0;
  while (start < left.length && start < right.length && left[start] === right[start]) start += 1;
  let end = 0;
  while (end < Math.min(left.length, right.length) - start && left.at(-1 - end) === right.at(-1 - end)) end += 1;
  const [a, b] = [left.slice(start, left.length - end), right.slice(start, right.length - end)];
  const same = (lines) => lines.map((line) => [' ', line]);
  const middle =
    a.length * b.length > 4_000_000
      ? [...a.map((line) => ['-', line]), ...b.map((line) => ['+', line])]
      : commonLines(a, b);
  return [...same(left.slice(0, start)), ...middle, ...same(end > 0 ? left.slice(-end) : [])];
}

/** Returns the difference by the longest common subsequence. */
function commonLines(a, b) {
  const width = b.length + 1;
  const best = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      best[i * width + j] =
        a[i] === b[j]
          ? best[(i + 1) * width + j + 1] + 1
          : Math.max(best[(i + 1) * width + j], best[i * width + j + 1]);
    }
  }
  const diff = [];
  for (let i = 0, j = 0; i < a.length || j < b.length;) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      diff.push([' ', a[i]]);
      i += 1;
      j += 1;
    } else if (j >= b.length || (i < a.length && best[(i + 1) * width + j] >= best[i * width + j + 1])) {
      diff.push(['-', a[i]]);
      i += 1;
    } else {
      diff.push(['+', b[j]]);
      j += 1;
    }
  }
  return diff;
}

// ---------------------------------------------------------------------------------------- 16 health

/** The time without a match after which an older secret can go; the sender retries for hours. */
const secretItem = asObject({
  name: asText,
  endpoints: maybe(asList(asText), []),
  matched: maybe(asNumber),
  last_matched: maybe(asTime),
  counted_since: maybe(asTime),
  removable_since: maybe(asTime),
});

/** Reads an item whose name may have the name of its resource. */
const named =
  (parse, ...names) =>
  (value) => {
    if (!isRecord(value)) unfit('', 'an object');
    const key = names.find((name) => typeof value[name] === 'string');
    return parse(key ? { ...value, name: value[key] } : value);
  };

const destinationItem = asObject({ name: asText, address: maybe(asText), endpoint: maybe(asText) });

const configShape = asObject({ toml: asText, since: maybe(asTime) });

const reloadShape = asObject({
  in_force: asFlag,
  errors: maybe(asList(asText), []),
  warnings: maybe(asList(asText), []),
});

function healthView({ root, signal, keys }) {
  const places = {
    status: el('div', {}, waitBox('Loading the status…')),
    secrets: el('div', {}),
    destinations: el('div', {}),
    config: el('div', {}),
  };
  const test = testPanel(signal);
  fill(
    root,
    el('div', { class: 'health' }, places.status, test.node, places.secrets, places.destinations, places.config),
  );

  const drawStatus = () => state.status && !signal.aborted && redraw(places.status, statusPanel(state.status, reload));
  async function reload() {
    const yes = await confirmed({
      title: 'Reload the configuration?',
      words: [
        'The gate reads its configuration file and its secrets again. If they have a mistake, the configuration of now stays in force.',
      ],
      yes: 'Reload',
    });
    if (!yes) return;
    try {
      showReload(await reloadGate());
    } catch (error) {
      failAction(error);
    }
    void refresh();
  }
  async function refresh() {
    try {
      await loadStatus(signal);
    } catch (error) {
      if (!signal.aborted && !state.status)
        refill(
          places.status,
          errorBox(error, () => void refresh()),
        );
    }
    void loadInto(places.config, signal, () => api('config', configShape, { signal }), configPanel);
    await tables();
  }
  /** Loads the tables that the status does not have, and keeps those on the page if that fails. */
  async function tables() {
    const part = async (place, path, parse, draw) => {
      try {
        const { items } = await api(path, asPage(parse), { signal });
        if (!signal.aborted) redraw(place, draw(items));
      } catch (error) {
        if (!signal.aborted && !place.firstChild)
          refill(
            place,
            errorBox(error, () => void tables()),
          );
      }
    };
    await part(places.secrets, 'secrets?limit=1000', named(secretItem, 'name', 'secret'), secretsPanel);
    await part(
      places.destinations,
      'destinations?limit=1000',
      named(destinationItem, 'name', 'destination'),
      destinationsPanel,
    );
  }
  on('status', drawStatus, signal);
  const tick = async () => {
    if (document.hidden) return;
    await loadStatus(signal).catch(() => {});
    await tables();
  };
  const timer = setInterval(() => void tick(), 5000);
  signal.addEventListener('abort', () => clearInterval(timer));
  keys.t = () => test.focus();
  drawStatus();
  showPermission();
  void refresh();
}

/** Reloads the configuration. A configuration with mistakes is a result, too. */
async function reloadGate() {
  const response = await fetch('/api/v1/reload', {
    method: 'POST',
    credentials: 'same-origin',
    redirect: 'error',
    headers: keyHeader(),
  });
  if (response.status !== 422 && !response.ok) throw await problemOf(response);
  return reloadShape(await response.json());
}

function showReload({ in_force: inForce, errors, warnings }) {
  const { box, body } = openDialog({
    title: inForce ? 'The new configuration is in force' : 'The old configuration stays in force',
  });
  const lines = (title, list) =>
    list.length > 0 && [
      el('h3', {}, title),
      el(
        'ul',
        {},
        list.map((line) => el('li', {}, foreign(line, 1000))),
      ),
    ];
  fill(
    body,
    lines('Mistakes', errors),
    lines('Warnings', warnings),
    errors.length + warnings.length === 0 && prose('There are no warnings.'),
  );
  const close = button('Close', () => box.close(), { class: 'primary' });
  fill(box, el('div', { class: 'dialog-foot' }, close));
  close.focus();
}

function statusPanel(status, reload) {
  const { configuration, certificates } = status;
  const problems = status.needs;
  const verdict =
    problems.length === 0 && status.ready
      ? el(
          'div',
          { class: 'verdict verdict-good' },
          mark('disc'),
          el(
            'p',
            {},
            el('strong', {}, 'No open problems'),
            `. The gate is ready${status.started ? ` and has been up for ${span(status.now - status.started)}` : ''}.`,
          ),
        )
      : el(
          'div',
          { class: 'verdict verdict-bad' },
          mark('triangle'),
          el(
            'div',
            {},
            el(
              'p',
              {},
              el('strong', {}, status.ready ? counted(problems.length, 'open problem') : 'The gate is not ready'),
            ),
            el(
              'ul',
              {},
              problems.map((problem) => el('li', {}, problemLine(problem))),
            ),
          ),
        );
  return [
    section(
      'Status',
      { class: 'panel' },
      verdict,
      el(
        'div',
        { class: 'gauges' },
        gauge('Connections', status.connections),
        gauge('Memory for bodies', status.memory, bytes),
        status.inbox && gauge('Inbox events', status.inbox.events),
        status.inbox && gauge('Inbox bytes', status.inbox.bytes, bytes),
      ),
      facts(
        ['Version', status.version && foreign(status.version, 40)],
        ['Started', status.started && el('span', {}, when(status.started), ' (', since(status.started), ')')],
        [
          'Configuration',
          configuration &&
            el('span', {}, 'in force since ', when(configuration.since), ' (', since(configuration.since), ')'),
        ],
        [
          'Last reload',
          configuration?.failed &&
            el(
              'span',
              { class: 'tag tone-failed' },
              mark('cross'),
              el('span', {}, 'failed ', since(configuration.failed)),
            ),
        ],
        ['Connections rejected', status.connections_refused > 0 && count(status.connections_refused)],
        ['Log lines dropped', status.log_lines_dropped > 0 && count(status.log_lines_dropped)],
        [
          'Without endpoint',
          status.astray > 0 &&
            el(
              'span',
              {},
              counted(status.astray, 'request'),
              status.last_astray && [
                ', the last ',
                since(status.last_astray.at),
                ': ',
                foreign(status.last_astray.reason, 60),
              ],
            ),
        ],
      ),
      el(
        'div',
        { class: 'actions' },
        actButton('Reload the configuration…', () => void reload(), { id: 'health-reload' }),
      ),
    ),
    section('Endpoints', { class: 'panel' }, endpointsTable(status.endpoints)),
    certificates.length > 0 && section('Certificates', { class: 'panel' }, certificatesTable(certificates)),
  ];
}

/** The views in which problems are solved, by the words of the gate. */
const PROBLEMS = [
  [/^inbox: \d+ dead letters for ([^;]+); see/, (name) => `#/inbox?state=dead&destination=${queueParam(name)}`],
  [
    /^inbox: \d+ deliveries for (.+) are in quarantine/,
    (name) => `#/inbox?state=quarantined&destination=${queueParam(name)}`,
  ],
  [/^inbox: \d+ deliveries wait for ([^,]+),/, (name) => `#/inbox?state=pending&destination=${queueParam(name)}`],
  [/^(\S+): a verified delivery was not taken/, (name) => `#/live?verdict=failed&endpoint=${encode(name)}`],
  [/^(\S+): no signature has matched/, (name) => `#/live?verdict=rejected&endpoint=${encode(name)}`],
];

const queueParam = (name) => encode(name === 'no destination' ? NO_DESTINATION : name);

/** Returns a problem with a link to its view instead of the command. */
function problemLine(problem) {
  for (const [pattern, address] of PROBLEMS) {
    const found = pattern.exec(problem);
    if (found)
      return [
        foreign(problem.replace(/; (see|move them with) .*$/, ''), 600),
        ' ',
        el('a', { href: address(found[1]) }, 'Show'),
      ];
  }
  return foreign(problem, 600);
}

function endpointsTable(endpoints) {
  if (endpoints.length === 0) return prose('The gate has no endpoint.');
  const { node, body } = table({
    label: 'Endpoints',
    className: 'cards',
    headings: [
      'Endpoint',
      ['Verified', 'num'],
      'Last verified',
      ['Rejected', 'num'],
      'Last rejected',
      ['Not accepted', 'num'],
      'Last not accepted',
    ],
  });
  const event = (last) =>
    last
      ? el('span', {}, since(last.at), ' ', el('span', { title: meaningOf(last.reason) }, foreign(last.reason, 60)))
      : el('span', { class: 'dim' }, 'never');
  for (const one of endpoints) {
    body.append(
      el(
        'tr',
        { role: 'row' },
        cell(
          'Endpoint',
          'c-endpoint',
          el('a', { href: `#/live?endpoint=${encode(one.endpoint)}` }, foreign(one.endpoint, 60)),
          one.verdict && el('span', { class: 'dim', title: 'a proxy asks, and forwards the delivery itself' }, ' verdict'),
        ),
        cell('Verified', 'num', count(one.verified)),
        cell(
          'Last verified',
          '',
          one.last_verified === null ? el('span', { class: 'dim' }, 'never') : since(one.last_verified),
        ),
        cell('Rejected', 'num', count(one.rejected)),
        cell('Last rejected', '', event(one.last_rejected), lateWords(one.late)),
        cell('Not accepted', 'num', count(one.not_taken)),
        cell('Last not accepted', '', event(one.last_not_taken)),
      ),
    );
  }
  return node;
}

/** Says what became of the saved rejections of an endpoint that verified later. */
function lateWords(late) {
  if (late === null) return false;
  const words = `${count(late.delivered)} of ${count(late.rejected)} deliveries rejected during the rotation were delivered`;
  const waiting = late.waiting > 0 && [`, ${count(late.waiting)} wait`, late.trouble && [': ', foreign(late.trouble, 160)]];
  return el('div', { class: 'hint' }, words, waiting);
}

function certificatesTable(certificates) {
  const { node, body } = table({
    label: 'Certificates',
    className: 'cards',
    headings: ['Certificate', 'Expires', 'State'],
  });
  for (const { certificate, ends } of [...certificates].sort((one, other) => one.ends - other.ends)) {
    const left = ends - gateNow();
    const [tone, shape, words] =
      left <= 0
        ? ['failed', 'cross', 'expired']
        : left < 14 * 86_400_000
          ? ['rejected', 'triangle', 'expires soon']
          : ['accepted', 'disc', 'valid'];
    body.append(
      el(
        'tr',
        { role: 'row' },
        cell('Certificate', '', code(certificate, 200)),
        cell('Expires', '', moment(ends, `${left > 0 ? `in ${span(left)}` : `${span(-left)} ago`}`)),
        cell('State', '', el('span', { class: `tag tone-${tone}` }, mark(shape), words)),
      ),
    );
  }
  return node;
}

function secretsPanel(items) {
  const { node, body } = table({
    label: 'Secrets',
    className: 'cards',
    headings: ['Secret', 'Endpoints', ['Matched', 'num'], 'Last match', 'Advice'],
  });
  for (const one of items) {
    const advice =
      one.removable_since !== null
        ? el(
            'span',
            { class: 'tag tone-stored' },
            mark('square'),
            el('span', {}, 'can be removed since ', when(one.removable_since), ': only newer secrets match'),
          )
        : one.last_matched === null
          ? el('span', { class: 'dim' }, 'no match yet')
          : el('span', { class: 'tag tone-accepted' }, mark('disc'), 'in use');
    body.append(
      el(
        'tr',
        { role: 'row' },
        cell('Secret', '', el('strong', {}, foreign(one.name, 64))),
        cell(
          'Endpoints',
          '',
          one.endpoints.map((name, index) => [index > 0 && ', ', foreign(name, 60)]),
        ),
        cell('Matched', 'num', one.matched === null ? '–' : count(one.matched)),
        cell(
          'Last match',
          '',
          one.last_matched === null
            ? el(
                'span',
                { class: 'dim' },
                'never',
                one.counted_since !== null && [', counted since ', when(one.counted_since)],
              )
            : since(one.last_matched),
        ),
        cell('Advice', '', advice),
      ),
    );
  }
  return section(
    'Secrets',
    { class: 'panel' },
    items.length > 0 ? node : prose('No endpoint has a secret.'),
    prose('The console shows names, never a value.', { class: 'hint' }),
  );
}

function destinationsPanel(items) {
  const health = new Map((state.status?.destinations ?? []).map((one) => [one.destination, one]));
  const waiting = new Map((state.status?.inbox?.waiting ?? []).map((one) => [one.destination, one]));
  const { node, body } = table({
    label: 'Destinations',
    className: 'cards',
    headings: ['Destination', 'Address', 'Endpoint', 'Health', ['Accepted', 'num'], ['Failed', 'num']],
  });
  for (const one of items) {
    const meter = health.get(one.name);
    body.append(
      el(
        'tr',
        { role: 'row' },
        cell('Destination', '', el('strong', {}, foreign(one.name, 60))),
        cell('Address', '', one.address === null ? '–' : code(one.address, 120)),
        cell('Endpoint', '', one.endpoint === null ? '–' : foreign(one.endpoint, 60)),
        cell(
          'Health',
          '',
          healthOf(waiting.get(one.name) ?? { destination: one.name, configured: true, down_since: null }, meter),
        ),
        cell('Accepted', 'num', count(meter?.taken ?? 0)),
        cell('Failed', 'num', count(meter?.failed ?? 0)),
      ),
    );
  }
  return section('Destinations', { class: 'panel' }, items.length > 0 ? node : prose('The gate has no destination.'));
}

function configPanel({ toml, since: from }) {
  return section(
    'Configuration in force',
    { class: 'panel' },
    from !== null && el('p', { class: 'hint' }, 'Since ', when(from), '. Secrets are not part of it.'),
    copyBlock(toml, 'Configuration', tomlLines(toml)),
  );
}

/** Returns TOML with its tables and comments marked. */
function tomlLines(toml) {
  return visibleBlock(toml)
    .split('\n')
    .map((line) => {
      const kind = /^\s*\[/.test(line) ? 'toml-table' : /^\s*#/.test(line) ? 'toml-comment' : '';
      return [kind ? el('span', { class: kind }, line) : line, '\n'];
    });
}

// ------------------------------------------------------------------------------------------ 17 test

/** Reads samples as texts, whether the gate sends them as text or as JSON. */
function samplesOf(value) {
  if (!isRecord(value)) unfit('samples', 'an object');
  const words = (sample) => (typeof sample === 'string' ? sample : JSON.stringify(sample, null, 2));
  return Object.entries(value).map(([name, sample]) => [name, words(sample)]);
}

function readSamples(value) {
  if (!isRecord(value)) unfit('', 'an object');
  const forgery = named(
    asObject({ name: asText, description: maybe(asText, ''), genuine_by_the_scheme: maybe(asFlag, false) }),
    'name',
  );
  return { samples: new Map(samplesOf(value.samples)), forgeries: fitting(value.forgeries, forgery).items };
}

/** Returns the form for a test delivery, with its response beside it. */
function testPanel(signal) {
  const place = el('div', {}, waitBox('Loading the samples…'));
  const node = section(
    'Send a test',
    { class: 'panel test-panel', id: 'test' },
    prose(
      'The gate signs it with the newest secret of the endpoint, and sends it through its own front door. Your app receives what the gate lets pass.',
      { class: 'hint' },
    ),
    place,
  );
  void loadInto(
    place,
    signal,
    () => api('test/samples', readSamples, { signal }),
    (loaded) => testForm(loaded, signal),
  );
  return { node, focus: () => node.querySelector('select')?.focus() };
}

/** The last test, which outlives the view. */
const testDraft = {};

function testForm({ samples, forgeries }, signal) {
  const option = (value, words = value) => el('option', { value }, words);
  const endpoint = el(
    'select',
    { id: 'test-endpoint' },
    (state.status?.endpoints ?? []).map((one) => option(one.endpoint, visible(one.endpoint, 60))),
  );
  on(
    'status',
    (status) => {
      if (endpoint.options.length === 0)
        fill(
          endpoint,
          status.endpoints.map((one) => option(one.endpoint, visible(one.endpoint, 60))),
        );
    },
    signal,
  );
  const sample = el(
    'select',
    { id: 'test-sample', onchange: () => (isEdited() ? check() : fillBody()) },
    [...samples.keys()].map((name) =>
      option(name, name === 'order' ? 'Order' : name === 'abandoned-cart' ? 'Abandoned cart' : name),
    ),
  );
  const forgery = el(
    'select',
    { id: 'test-forgery', onchange: describe },
    option('', 'Genuine'),
    forgeries.map((one) => option(one.name, `Forgery: ${one.name}`)),
  );
  const method = el(
    'select',
    { id: 'test-method' },
    ['POST', 'PUT', 'PATCH', 'DELETE', 'GET'].map((one) => option(one)),
  );
  const field = (label, input) =>
    el('label', { class: 'field', for: input.id }, el('span', { class: 'field-label' }, label), input);
  const body = el('textarea', {
    id: 'test-body',
    rows: '16',
    spellcheck: 'false',
    autocomplete: 'off',
    oninput: check,
  });
  let filled = '';
  const note = el('p', { class: 'hint', 'aria-live': 'polite' });
  const meaning = el('p', { class: 'hint' });
  const result = el(
    'div',
    { id: 'test-result', class: 'test-result', 'aria-live': 'polite' },
    emptyBox(
      'The response appears here',
      prose('Send an order to see your app accept it, or a forgery to see the gate reject it.'),
    ),
  );
  const send = actButton('Send the test', () => void run(), { id: 'test-send', class: 'primary' });

  const isEdited = () => body.value !== filled;

  function fillBody() {
    const words = samples.get(sample.value) ?? '';
    filled = isJson(words)
      ? jsonLines(words)
          .map((line) => line.map(([token]) => token).join(''))
          .join('\n')
      : words;
    body.value = filled;
    check();
  }

  function check() {
    const size = new TextEncoder().encode(body.value).length;
    setText(
      note,
      [
        counted(size, 'byte'),
        isEdited() && 'edited; Reset takes the sample again',
        !isJson(body.value) && 'this is not JSON; the gate sends it all the same',
      ]
        .filter(Boolean)
        .join(' · '),
    );
  }

  function describe() {
    const chosen = forgeries.find((one) => one.name === forgery.value);
    const outcome = chosen?.genuine_by_the_scheme
      ? 'The scheme does not sign this, so only a setting such as `methods` rejects it.'
      : 'The gate must reject it.';
    setText(
      meaning,
      chosen
        ? `${capital(visible(chosen.description, 200))}. ${outcome.replaceAll('`', '')}`
        : 'A genuine delivery reaches the app.',
    );
  }

  async function run() {
    send.disabled = true;
    refill(result, waitBox('The gate sends it…'));
    try {
      const json = {
        endpoint: endpoint.value,
        sample: sample.value,
        forgery: forgery.value || null,
        method: method.value,
        body: body.value,
      };
      const answer = await post('test', testShape, json, { signal });
      Object.assign(testDraft, { ...json, answer });
      refill(result, testResult(answer));
    } catch (error) {
      if (signal.aborted) return;
      refill(
        result,
        errorBox(error, () => void run()),
      );
      if (error.reason === 'console-looks-only') failAction(error);
    }
    send.disabled = false;
  }

  fillBody();
  if (testDraft.answer) {
    endpoint.value = testDraft.endpoint;
    sample.value = testDraft.sample;
    forgery.value = testDraft.forgery ?? '';
    method.value = testDraft.method;
    body.value = testDraft.body;
    check();
    refill(result, testResult(testDraft.answer));
  }
  describe();
  return el(
    'div',
    { class: 'test' },
    el(
      'form',
      { class: 'test-form', onsubmit: (event) => event.preventDefault() },
      el(
        'div',
        { class: 'fields' },
        field('Endpoint', endpoint),
        field('Sample', sample),
        field('Delivery', forgery),
        field('Method', method),
      ),
      meaning,
      field('Body', body),
      note,
      el('div', { class: 'actions' }, send, button('Reset the body', fillBody)),
    ),
    result,
  );
}

/** The verdicts on a test, each with its tone, mark and words. */
const TEST_VERDICTS = {
  accepted: ['accepted', 'disc', 'accepted, as expected'],
  'not-accepted': ['rejected', 'triangle', 'not accepted'],
  rejected: ['accepted', 'disc', 'rejected, as a forgery must be'],
  'got-in': ['rejected', 'triangle', 'got in: a forgery was accepted'],
  genuine: ['stored', 'square', 'genuine by the scheme, which signs only the body'],
  unclear: ['failed', 'cross', 'unclear: another check came first, or there was no response'],
  'not-sent': ['failed', 'cross', 'not sent: this body does not allow the forgery'],
};

function testResult(answer) {
  const [tone, shape, words] = TEST_VERDICTS[answer.verdict] ?? [
    'unknown',
    'question',
    visible(answer.verdict ?? 'unknown', 60),
  ];
  return [
    el(
      'p',
      { class: `test-status tone-${tone}` },
      mark(shape),
      el(
        'strong',
        {},
        answer.status === null ? 'No response' : `${answer.status} ${visible(answer.reason_phrase ?? '', 60)}`,
      ),
      answer.ms !== null && el('span', { class: 'dim' }, `after ${duration(answer.ms)} ms`),
    ),
    facts(
      ['Verdict', el('span', { class: `tag tone-${tone}` }, words)],
      ['Expected', answer.expected && foreign(answer.expected, 120)],
      ['Delivery', answer.id && rowLink(answer.id, `Delivery ${shortId(answer.id)}`)],
    ),
    answer.explanation && el('p', {}, foreign(capital(answer.explanation), 600)),
    answer.headers.length > 0 &&
      el(
        'details',
        {},
        el('summary', {}, counted(answer.headers.length, 'header')),
        el(
          'div',
          { class: 'head-lines' },
          answer.headers.map(([name, value]) =>
            el(
              'div',
              { class: 'head-line' },
              el('span', { class: 'sign' }),
              el('span', {}, el('bdi', { class: 'head-name' }, visible(name, 200)), ': ', foreign(value, 1000)),
            ),
          ),
        ),
      ),
    answer.body !== '' &&
      (isJson(answer.body)
        ? jsonBlock(answer.body)
        : el('pre', { class: 'body-text', tabindex: '0' }, visibleBlock(answer.body))),
    answer.truncated && prose('The response is longer; this is its beginning.', { class: 'hint' }),
  ];
}

// --------------------------------------------------------------------------------------- 18 profile

const nameCount = asObject({ name: asText, count: asNumber, always: maybe(asFlag, false) });

const pointerShape = asObject({
  pointer: asText,
  kinds: maybe(asList(asObject({ kind: asText, count: asNumber, always: maybe(asFlag, false) })), []),
  types: maybe(asList(asText), []),
  unique: maybe(asFlag, false),
  time: maybe(asText),
  event_name: maybe(asFlag, false),
  distinct: maybe(asNumber),
  missing: maybe(asFlag, false),
});

const profileShape = asObject({
  endpoint: asText,
  since: maybe(asTime),
  last: maybe(asTime),
  deliveries: maybe(asNumber, 0),
  bodies: maybe(asNumber, 0),
  not_json: maybe(asNumber, 0),
  too_large: maybe(asNumber, 0),
  methods: maybe(asList(nameCount), []),
  content_types: maybe(asList(nameCount), []),
  headers: maybe(asList(nameCount), []),
  sizes: maybe(asObject({ p50: asNumber, p90: asNumber, p99: asNumber, max: asNumber })),
  repeats: maybe(
    asObject({
      bodies: maybe(asNumber, 0),
      most: maybe(asNumber, 0),
      spacing: maybe(
        asList(asObject({ repeat: asNumber, count: asNumber, p50_ms: asNumber, p90_ms: asNumber, max_ms: asNumber })),
        [],
      ),
    }),
  ),
  kinds: maybe(asList(asObject({ kind: asText, bodies: asNumber })), []),
  pointers: maybe(asList(pointerShape), []),
  changes: maybe(
    asList(asObject({ kind: asText, pointer: asText, since: asTime, bodies: asNumber, absent: asNumber })),
    [],
  ),
  toml: maybe(asText, ''),
});

function profileView({ root, signal }) {
  const place = el('div', { class: 'stack' }, waitBox('Loading the profile…'));
  fill(
    root,
    prose(
      'What the gate has learned about the sender and its payload, from verified deliveries only. It keeps names, counts and keyed digests, never a value.',
      { class: 'lead' },
    ),
    place,
  );
  const read = asObject({ endpoints: asList(profileShape) });
  const load = () =>
    loadInto(
      place,
      signal,
      () => api('profile', read, { signal }),
      ({ endpoints }) => {
        const learned = endpoints.filter((one) => one.deliveries > 0);
        if (learned.length === 0)
          return emptyBox(
            'Nothing learned yet',
            prose(
              'The profile begins with the first verified delivery. After about 50 different bodies it suggests settings for `event`, `unique` and `fresh`.',
            ),
          );
        return learned.map((one) => profilePanel(one, load));
      },
    );
  void load();
}

function profilePanel(profile, reload) {
  const kinds = profile.kinds.map(({ kind, bodies }) => `${count(bodies)} ${visible(kind, 30)}`).join(', ');
  return section(
    profile.endpoint,
    { class: 'panel profile' },
    profile.changes.length > 0 && changesBox(profile, reload),
    facts(
      [
        'Learned from',
        el(
          'span',
          {},
          counted(profile.deliveries, 'delivery', 'deliveries'),
          ` with ${counted(profile.bodies, 'different body', 'different bodies')}`,
        ),
      ],
      ['Kinds', kinds],
      ['Since', profile.since && when(profile.since)],
      ['Last', profile.last && since(profile.last)],
      ['Not JSON', profile.not_json > 0 && counted(profile.not_json, 'body', 'bodies')],
      ['Too large to read', profile.too_large > 0 && counted(profile.too_large, 'body', 'bodies')],
    ),
    el('h3', {}, 'Suggested settings'),
    profile.toml
      ? copyBlock(profile.toml, 'Suggestion', tomlLines(profile.toml))
      : prose('None yet. A suggestion needs about 50 different bodies, and a pointer whose name and values fit.', {
          class: 'hint',
        }),
    el('h3', {}, 'Sender'),
    senderPanel(profile),
    el('h3', {}, 'Payload'),
    pointersPanel(profile),
  );
}

/** Returns the alarm about pointers that always occurred and are missing. */
function changesBox(profile, reload) {
  const accept = async () => {
    const yes = await confirmed({
      title: 'Accept the new shape?',
      words: [
        `The payloads of ${visible(profile.endpoint, 60)} without ${counted(profile.changes.length, 'pointer')} count as usual from now on, and the problem ends.`,
      ],
      yes: 'Accept the new shape',
    });
    if (!yes) return;
    try {
      await post(`profile/${encode(profile.endpoint)}/accept`, profileShape);
      toast('The new shape counts as usual.');
      void reload();
    } catch (error) {
      failAction(error);
    }
  };
  const line = (change) =>
    el(
      'li',
      {},
      change.pointer === '' ? 'The payloads are no JSON any more' : code(change.pointer, 200),
      ` (${visible(change.kind, 30)}): in ${counted(change.bodies, 'body', 'bodies')} before, missing in ${count(change.absent)} since `,
      when(change.since),
    );
  return el(
    'div',
    { class: 'verdict verdict-bad', role: 'alert' },
    mark('triangle'),
    el(
      'div',
      {},
      el('p', {}, el('strong', {}, 'The shape of the payload has changed')),
      el('ul', {}, profile.changes.map(line)),
      el(
        'div',
        { class: 'actions' },
        actButton('Accept the new shape…', () => void accept(), { class: 'small' }),
      ),
    ),
  );
}

function senderPanel({ deliveries: all, methods, content_types: types, headers: names, sizes, repeats }) {
  const share = ({ name, count: number }) =>
    el('li', {}, code(name, 80), el('span', { class: 'dim' }, number === all ? ' always' : ` ${percent(number, all)}`));
  const shares = (items) => items.length > 0 && el('ul', { class: 'shares' }, items.map(share));
  const spacing = (one) =>
    el(
      'li',
      {},
      `${one.repeat === 1 ? 'first' : `${count(one.repeat)}.`} repeat after ${exactSpan(one.p50_ms)}`,
      el('span', { class: 'dim' }, `, at most ${exactSpan(one.max_ms)} (${counted(one.count, 'time')})`),
    );
  return facts(
    ['Methods', shares(methods)],
    ['Content types', shares(types)],
    [
      'Body size',
      sizes &&
        el(
          'ul',
          { class: 'shares' },
          [
            ['median', sizes.p50],
            ['90 %', sizes.p90],
            ['99 %', sizes.p99],
            ['largest', sizes.max],
          ].map(([name, size]) => el('li', {}, bytes(size), el('span', { class: 'dim' }, ` ${name}`))),
        ),
    ],
    [
      'Retries',
      repeats &&
        (repeats.bodies === 0
          ? 'no body has come twice'
          : el(
              'ul',
              {},
              el(
                'li',
                {},
                `${counted(repeats.bodies, 'body', 'bodies')} came again, one of them ${counted(repeats.most, 'time')}`,
              ),
              repeats.spacing.map(spacing),
            )),
    ],
    ['Headers', shares(names)],
  );
}

const percent = (part, all) =>
  all > 0 ? `${Math.min(100, Math.max(part > 0 ? 1 : 0, Math.floor((part / all) * 100)))} %` : '';

const exactSpan = (ms) => (ms < 1000 ? `${count(ms)} ms` : span(ms));

/** The properties of a pointer by which the table is filtered, each with its test. */
const POINTER_MARKS = new Map([
  [
    'always',
    {
      mark: 'disc',
      meaning: 'occurs in every body',
      has: (one) => one.kinds.length > 0 && one.kinds.every(({ always }) => always),
    },
  ],
  ['unique', { mark: 'diamond', meaning: 'no two bodies had the same value', has: (one) => one.unique }],
  ['time', { mark: 'half', meaning: 'looks like a time', has: (one) => one.time !== null }],
  [
    'event-name',
    { mark: 'square', meaning: 'looks like the name of an event: few short words', has: (one) => one.event_name },
  ],
  ['missing', { mark: 'triangle', meaning: 'always occurred, and is missing now', has: (one) => one.missing }],
]);

function pointersPanel(profile) {
  if (profile.pointers.length === 0) return prose('No JSON so far.', { class: 'hint' });
  const chosen = new Set();
  let wanted = '';
  let most = PAGE_ROWS;
  const marks = switches({ label: 'Property', words: POINTER_MARKS, chosen, onchange: draw });
  const search = searchField({
    id: `pointer-${profile.endpoint}`,
    label: 'Pointer',
    hint: 'Pointer',
    value: '',
    onchange: (value) => {
      wanted = value.toLowerCase();
      draw();
    },
  });
  const { node, body } = table({
    label: `Pointers of ${visible(profile.endpoint, 60)}`,
    className: 'cards pointers',
    headings: ['Pointer', 'Types', 'Occurs', 'Properties'],
  });
  const more = button(
    'Show more',
    () => {
      most += PAGE_ROWS;
      draw();
    },
    { class: 'more' },
  );
  const empty = prose('No pointer has these properties.', { class: 'hint' });
  marks.show(new Map([...POINTER_MARKS].map(([word, { has }]) => [word, profile.pointers.filter(has).length])));

  function draw() {
    const found = profile.pointers.filter(
      (one) =>
        one.pointer.toLowerCase().includes(wanted) && [...chosen].every((word) => POINTER_MARKS.get(word).has(one)),
    );
    refill(
      body,
      found.slice(0, most).map((one) => pointerLine(one, profile.kinds)),
    );
    node.hidden = found.length === 0;
    empty.hidden = found.length > 0;
    more.hidden = found.length <= most;
  }

  draw();
  return [el('div', { class: 'toolbar' }, marks.node, el('div', { class: 'fields' }, search.node)), node, empty, more];
}

function pointerLine(one, kinds) {
  const bodies = new Map(kinds.map((kind) => [kind.kind, kind.bodies]));
  const occurs = one.kinds.map(
    ({ kind, count: number, always }) =>
      `${always ? 'always' : percent(number, bodies.get(kind) ?? 0)}${kinds.length > 1 ? ` in ${visible(kind, 30)}` : ''}`,
  );
  const words = {
    unique: 'unique so far',
    time: `time (${visible(one.time ?? '', 20)})`,
    'event-name': 'event name',
    missing: 'missing now',
  };
  const properties = [...POINTER_MARKS]
    .filter(([word, { has }]) => word !== 'always' && has(one))
    .map(([word, { mark: shape, meaning }]) =>
      el('span', { class: `tag tone-${word}`, title: meaning }, mark(shape), words[word]),
    );
  if (one.distinct !== null && !one.unique)
    properties.push(el('span', { class: 'dim' }, counted(one.distinct, 'distinct value')));
  return el(
    'tr',
    { role: 'row' },
    cell('Pointer', 'c-pointer', code(one.pointer, 300)),
    cell('Types', '', el('span', { class: 'dim' }, one.types.map((type) => visible(type, 20)).join(', '))),
    cell('Occurs', '', POINTER_MARKS.get('always').has(one) ? 'always' : occurs.join(', ')),
    cell('Properties', 'c-properties', properties),
  );
}

// --------------------------------------------------------------------------------------- 19 session

const session = { isOpen: false };

function showProblems() {
  const { status } = state;
  const problems = status ? status.needs.length + (status.ready ? 0 : 1) : 0;
  badge('badge-health', problems, counted(problems, 'open problem'));
  const inbox = status?.inbox;
  const dead = (inbox?.waiting ?? []).reduce((sum, one) => sum + one.dead + one.quarantined, 0);
  const pending = (inbox?.waiting ?? []).reduce((sum, one) => sum + one.pending, 0);
  badge('badge-inbox', dead || pending, dead > 0 ? `${count(dead)} need a person` : `${count(pending)} wait`, dead > 0);
  document.title = `${problems > 0 ? `(${problems}) ` : ''}${router.title ?? 'Console'} · Cartgate ${location.host}`;
}

function badge(badgeId, number, words, isBad = true) {
  const node = byId(badgeId);
  node.hidden = number === 0;
  node.classList.toggle('badge-bad', isBad);
  if (number > 0)
    refill(
      node,
      el('span', { 'aria-hidden': 'true' }, number > 999 ? '999+' : String(number)),
      el('span', { class: 'sr' }, ` (${words})`),
    );
}

function showGate() {
  const { status } = state;
  if (!status) return;
  refill(
    byId('gate'),
    el('span', { class: 'gate-name' }, location.host),
    el(
      'span',
      { class: 'dim' },
      ` ${visible(status.version, 20)}${status.started ? `, up ${span(gateNow() - status.started)}` : ''}`,
    ),
  );
  showPermission();
  showProblems();
}

/** Shows the login instead of the views. */
function endSession(reason = 'The session has ended, or the gate was restarted without a configured token.') {
  const wasOpen = session.isOpen;
  session.isOpen = false;
  closeStream();
  setStream('off', 'Signed out');
  router.leave?.abort();
  router.name = '';
  for (const dialog of document.querySelectorAll('dialog[open]')) dialog.close();
  document.documentElement.dataset.session = 'no';
  byId('shell').hidden = true;
  byId('login').hidden = false;
  refill(byId('view'));
  state.rows = [];
  state.status = null;
  rowById.clear();
  strips.clear();
  setText(byId('login-reason'), wasOpen ? reason : 'The console needs a session, also on this machine.');
  setText(byId('login-command'), consoleCommand());
  document.title = 'Sign in · Cartgate';
  byId('login-title').focus();
}

/** Returns the command that prints a link. Names below `localhost` are made up for the browser. */
function consoleCommand() {
  const isLocal = /^(localhost|.*\.localhost|127\.0\.0\.1)$/.test(location.hostname);
  if (isLocal && location.port === '9180') return 'cartgate console';
  return `cartgate console ${isLocal ? `http://127.0.0.1:${location.port}` : location.origin}`;
}

async function openSession() {
  await loadStatus();
  session.isOpen = true;
  document.documentElement.dataset.session = 'yes';
  byId('login').hidden = true;
  byId('shell').hidden = false;
  showGate();
  openStream();
  route();
}

async function signIn(event) {
  event.preventDefault();
  const field = byId('login-token');
  setText(byId('login-error'), '');
  try {
    const json = { token: field.value.trim() };
    keepPageKey(await post('/login', ({ key }) => asText(key, 'key'), json));
    field.value = '';
    await openSession();
  } catch (error) {
    const isWrong = error.status === 401 || error.status === 403;
    setText(byId('login-error'), isWrong ? 'The gate does not accept this token.' : explain(error));
    field.select();
  }
}

async function signOut() {
  try {
    await request('/logout', { method: 'POST', json: {} });
    keepPageKey('');
    endSession('You have signed out.');
  } catch (error) {
    failAction(error);
  }
}

// -------------------------------------------------------------------------------------- 20 keyboard

const KEY_HELP = [
  ['j k ↓ ↑', 'next and previous row'],
  ['Enter', 'open the row'],
  ['Esc', 'back to the list; in the list, resume'],
  ['/', 'filter'],
  ['p', 'pause and resume (Live)'],
  ['r', 'deliver again (Live, Inbox, Delivery); recheck (Rejected)'],
  ['f', 'forward (Rejected)'],
  ['x', 'select the row (Inbox)'],
  ['c', 'compare (Delivery)'],
  ['t', 'send a test (Health)'],
  ['g then l, r, i, h, p', 'Live, Rejected, Inbox, Health, Profile'],
  ['?', 'this help'],
];

const GO = { l: 'live', r: 'rejected', i: 'inbox', h: 'health', p: 'profile' };

let goUntil = 0;

function pressed(event) {
  router.byKeyboard = true;
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || !session.isOpen) return;
  if (document.querySelector('dialog[open]')) return;
  const { target, key } = event;
  if (target.closest('input:not([type=checkbox]), textarea, select')) {
    if (key === 'Escape') target.blur();
    return;
  }
  const isGo = event.timeStamp < goUntil;
  goUntil = 0;
  const task = isGo ? GO[key] && (() => (location.hash = `#/${GO[key]}`)) : taskOf(key, event);
  if (!task) return;
  event.preventDefault();
  task();
}

function taskOf(key, event) {
  const inList = !event.target.closest('pre, canvas, [role=group]');
  const common = {
    j: () => moveFocus(1),
    k: () => moveFocus(-1),
    ArrowDown: inList && focusedRow() ? () => moveFocus(1) : undefined,
    ArrowUp: inList && focusedRow() ? () => moveFocus(-1) : undefined,
    '?': showHelp,
    g: () => {
      goUntil = event.timeStamp + 1500;
    },
  };
  return router.keys[key] ?? common[key];
}

function showHelp() {
  const { box, body } = openDialog({ title: 'Keys' });
  const list = (pairs) =>
    el(
      'dl',
      { class: 'keys' },
      pairs.map(([keys, words]) =>
        el(
          'div',
          {},
          el(
            'dt',
            {},
            keys.split(' ').map((key) => (/^(then|and)$/.test(key) ? ` ${key} ` : el('kbd', {}, key.replace(',', '')))),
          ),
          el('dd', {}, words),
        ),
      ),
    );
  const legend = (words) =>
    el(
      'ul',
      { class: 'help-legend' },
      [...words].map(([word, { meaning }]) => el('li', {}, tag(words, word), el('span', {}, meaning))),
    );
  fill(
    body,
    list(KEY_HELP),
    el('h3', {}, 'Verdicts'),
    legend(VERDICTS),
    el('h3', {}, 'States in the inbox'),
    legend(STATES),
  );
  const close = button('Close', () => box.close(), { class: 'primary' });
  fill(box, el('div', { class: 'dialog-foot' }, close));
  close.focus();
}

// ----------------------------------------------------------------------------------------- 21 start

const THEME = 'cartgate-theme';

/** Applies the theme. A browser that keeps nothing uses the system's. */
function setTheme(theme) {
  const { dataset } = document.documentElement;
  if (theme === 'light' || theme === 'dark') dataset.theme = theme;
  else delete dataset.theme;
  try {
    localStorage.setItem(THEME, theme);
  } catch {
    // The choice lasts until the page is closed.
  }
  emit('theme');
}

function storedTheme() {
  try {
    return localStorage.getItem(THEME) ?? 'auto';
  } catch {
    return 'auto';
  }
}

function startConsole() {
  const theme = byId('theme');
  theme.value = storedTheme();
  setTheme(theme.value);
  theme.addEventListener('change', () => setTheme(theme.value));
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => emit('theme'));
  byId('help-open').addEventListener('click', showHelp);
  byId('sign-out').addEventListener('click', () => void signOut());
  byId('login-form').addEventListener('submit', (event) => void signIn(event));
  byId('login-copy').addEventListener('click', () => void copy(byId('login-command').textContent, 'Command'));
  byId('skip').addEventListener('click', (event) => {
    event.preventDefault();
    byId('title').focus();
  });
  addEventListener('keydown', pressed);
  addEventListener('pointerdown', () => {
    router.byKeyboard = false;
  });
  addEventListener('hashchange', () => (location.hash.startsWith('#key=') ? void takePageKey().then(route) : route()));
  addEventListener('storage', ({ key, newValue }) => {
    if (key === PAGE_KEY && newValue === null && session.isOpen) endSession('You have signed out.');
  });
  document.addEventListener('visibilitychange', watchBackground);
  on('status', showGate);
  on('inbox', showProblems);
  on('rates', takeRates);
  on('loaded', takePast);
  setInterval(watchStream, 1000);
  setInterval(() => document.hidden || tickTimes(), 1000);
  setInterval(showGate, 30_000);
  void begin();
}

/** Opens the session that the browser has, or asks for one; waits for a gate that does not respond. */
async function begin() {
  try {
    await takePageKey();
    await openSession();
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return;
    byId('login').hidden = false;
    setText(byId('login-title'), 'The gate does not respond');
    setText(byId('login-reason'), explain(error));
    setTimeout(() => {
      setText(byId('login-title'), 'Open the console');
      byId('login').hidden = true;
      void begin();
    }, 3000);
  }
}

startConsole();
