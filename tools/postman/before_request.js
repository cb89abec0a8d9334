// Before each request: make what it needs and is not there yet, so that any request can be sent alone.
// An environment's variable, where there is one of that name, wins over the collection's.
const get = (name) => pm.variables.get(name);
const set = (name, value) => (pm.environment.has(name) ? pm.environment : pm.collectionVariables).set(name, value);
const random = () => pm.variables.replaceIn("{{$randomUUID}}").replaceAll("-", "");
const MAKERS = {{makers}};

const body = pm.request.body?.raw ?? "";
const address = pm.request.url.toString();
const signedIn = pm.request.auth?.type === "bearer";
const uses = (name) => [body, address, JSON.stringify(pm.request.headers)].some((text) => text.includes(`{{${name}}}`));

function send(method, path, content, headers = {}) {
  const request = {
    method,
    url: pm.variables.replaceIn(`{{baseUrl}}${path}`),
    header: { "Content-Type": "application/json", ...headers },
    body: content && { mode: "raw", raw: pm.variables.replaceIn(JSON.stringify(content)) },
  };
  return new Promise((resolve, reject) =>
    pm.sendRequest(request, (error, answer) => (error ? reject(error) : resolve(answer))));
}

async function post(path, content, headers) {
  const answer = await send("POST", path, content, headers);
  if (answer.code >= 300) {
    throw new Error(`POST ${path} was answered ${answer.code}: ${answer.text()}`);
  }
  return answer.json();
}

function chooseNewAccount() {
  const name = `user-${random().slice(0, 12)}`;
  set("newUsername", name);
  set("newEmail", `${name}@example.com`);
  set("newPassword", random());
}

async function requireAccount() {
  if (get("username")) return;
  chooseNewAccount();
  const [username, email, password] = ["newUsername", "newEmail", "newPassword"].map(get);
  await post("/api/v1/auth/register", { username, email, password });
  Object.entries({ username, email, password }).forEach(([name, value]) => set(name, value));
}

async function requireSession() {
  if (get("accessToken") && Date.now() < Number(get("accessTokenUntil"))) return;
  await requireAccount();
  const tokens = await post("/api/v1/auth/login", { username: get("username"), password: get("password") });
  set("accessToken", tokens.accessToken);
  set("refreshToken", tokens.refreshToken);
  set("accessTokenUntil", String(Date.now() + (tokens.expiresIn - 60) * 1000));
}

async function make(variable) {
  const { path, content, field, guest } = MAKERS[variable];
  if (!guest) await requireSession();
  const made = await post(path, content, guest ? {} : { Authorization: `Bearer ${get("accessToken")}` });
  set(variable, made[field]);
  if (guest) set("orderToken", made.token);
}

// What another service writes from an event is there a moment later, and so is what is starting.
async function waitUntilThere() {
  const headers = signedIn ? { Authorization: `Bearer ${get("accessToken")}` } : { "Order-Token": get("orderToken") ?? "" };
  const path = address.replace("{{baseUrl}}", "").replace(/\{\{(\w+)\}\}/g, (_, name) => get(name));
  for (let tries = 0; tries < 60; tries += 1) {
    if ((await send("GET", path, undefined, headers)).code < 404) return;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

async function prepare() {
  if (uses("newPassword")) chooseNewAccount();
  if (uses("username") || uses("currentPassword")) await requireAccount();
  if (signedIn || uses("refreshToken")) await requireSession();
  for (const variable of Object.keys(MAKERS).filter(uses)) {
    if (!get(variable)) await make(variable);
    if (pm.request.method === "GET") await waitUntilThere();
  }
  if (pm.info.requestName.startsWith("GET /health/ready")) await waitUntilThere();
  if (uses("stripeSignature")) {
    const seconds = Math.floor(Date.now() / 1000);
    const signed = require("crypto-js").HmacSHA256(`${seconds}.${pm.variables.replaceIn(body)}`, get("stripeWebhookSecret"));
    set("stripeSignature", `t=${seconds},v1=${signed}`);
  }
}

// A script lasts as long as a timer of it.
const lasting = setInterval(() => {}, 1000);
prepare()
  .catch((error) => pm.test("can be prepared", () => { throw error; }))
  .finally(() => clearInterval(lasting));
