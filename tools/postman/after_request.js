// After each request: keep the tokens and ids of its answer for the requests that follow.
const set = (name, value) => (pm.environment.has(name) ? pm.environment : pm.collectionVariables).set(name, value);
const forget = (...names) => names.forEach((name) => set(name, ""));
const parsed = (text) => { try { return JSON.parse(text); } catch { return {}; } };
const MAKERS = {{makers}};

const sent = parsed(pm.request.body?.raw) ?? {};
const answer = parsed(pm.response.text()) ?? {};
const path = `/${pm.request.url.path.join("/")}`;
const guest = pm.request.auth?.type !== "bearer";

if (pm.response.code < 300) {
  if (sent.username && sent.email && sent.password) {
    forget("accessToken", "refreshToken");
    ["username", "email", "password"].forEach((name) => set(name, sent[name]));
  }
  if (answer.accessToken) {
    set("accessToken", answer.accessToken);
    set("refreshToken", answer.refreshToken);
    set("accessTokenUntil", String(Date.now() + (answer.expiresIn - 60) * 1000));
  }
  if (sent.newPassword) {
    set("password", sent.newPassword);
    forget("accessToken", "refreshToken");
  }
  if (path.endsWith("/logout")) forget("accessToken", "refreshToken");
  for (const [variable, maker] of Object.entries(MAKERS)) {
    if (pm.request.method === "POST" && maker.paths.includes(path) && Boolean(maker.guest) === guest) {
      set(variable, answer[maker.field]);
      if (guest) set("orderToken", answer.token);
    }
    if (pm.request.method === "DELETE" && maker.paths.some((each) => path.startsWith(`${each}/`))) forget(variable);
  }
  if (pm.request.method === "DELETE" && path.endsWith("/profile")) {
    forget("username", "email", "password", "accessToken", "refreshToken", ...Object.keys(MAKERS));
  }
}
if (pm.response.code === 403 && answer.detail?.includes("scope")) {
  console.warn(`${answer.detail} An operator grants it: ./millrace scopes ${pm.variables.get("username")} --grant SCOPE. Then send "Log in".`);
}
