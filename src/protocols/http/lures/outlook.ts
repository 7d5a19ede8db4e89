/** Outlook on the web of Exchange 2016 and 2019: form login, the redirect that a wrong password gets, and a mailbox that cannot be opened. */
import type { Persona } from '../../surfaces/persona.ts';
import { escapeHtml, hostOf, type Reply } from '../products/product.ts';
import { get, html, isSignedIn, type Lure, signIn, type Visit } from './lure.ts';

/** Builds of cumulative updates as Microsoft lists them. */
const BUILDS = ['15.1.2375.7', '15.1.2507.6', '15.2.986.5', '15.2.1118.7', '15.2.1258.12'] as const;
const buildOf = (persona: Persona): string => persona.pick('exchange build', BUILDS);

const guid = (bytes: Buffer): string =>
  bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5');

function common(visit: Visit): (readonly [string, string])[] {
  return [
    ['request-id', guid(visit.random(16))],
    ['X-FEServer', visit.place.persona.hostName],
    ['X-OWA-Version', buildOf(visit.place.persona)],
  ];
}

function redirect(visit: Visit, location: string, cookies: readonly (readonly [string, string])[] = []): Reply {
  return {
    status: 302,
    type: 'text/html; charset=utf-8',
    dynamic: true,
    headers: [['Location', location], ...common(visit), ...cookies],
    body: html(
      `<html><head><title>Object moved</title></head><body>\r\n<h2>Object moved to <a href="${escapeHtml(location)}">here</a>.</h2>\r\n</body></html>\r\n`,
    ),
  };
}

function logon(visit: Visit): Reply {
  const failed = get(visit.query, 'reason') === '2';
  const url = escapeHtml(get(visit.query, 'url') ?? `https://${hostOf(visit.request, visit.place)}/owa/`);
  const build = buildOf(visit.place.persona).split('.').slice(0, 3).join('.');
  const error = failed
    ? '<div id="signInErrorDiv" class="signInError" role="alert" tabIndex="0">The user name or password you entered isn\'t correct. Try entering it again.</div>\r\n'
    : '';
  return {
    status: 200,
    type: 'text/html; charset=utf-8',
    dynamic: true,
    headers: [['Cache-Control', 'no-cache, no-store'], ['Pragma', 'no-cache'], ['Expires', '-1'], ...common(visit)],
    body: html(
      `<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01 Transitional//EN">
<html>
<head>
<meta http-equiv="X-UA-Compatible" content="IE=10" />
<link rel="shortcut icon" href="/owa/auth/${build}/themes/resources/favicon.ico" type="image/x-icon">
<meta http-equiv="Content-Type" content="text/html; CHARSET=utf-8">
<meta name="Robots" content="NOINDEX, NOFOLLOW">
<title>Outlook</title>
</head>
<body class="signInBg">
<form action="/owa/auth.owa" method="POST" name="logonForm" ENCTYPE="application/x-www-form-urlencoded" autocomplete="off">
<input type="hidden" name="destination" value="${url}">
<input type="hidden" name="flags" value="4">
<input type="hidden" name="forcedownlevel" value="0">
<div class="signInHeader">Outlook</div>
<div class="signInInputLabel" id="userNameLabel" aria-hidden="true">Domain\\user name:</div>
<div><input id="username" name="username" class="signInInputText" role="textbox"/></div>
<div class="signInInputLabel" id="passwordLabel" aria-hidden="true">Password:</div>
<div><input id="password" name="password" value="" type="password" class="signInInputText"/></div>
<input id="passwordText" name="passwordText" type="hidden" value=""/>
${error}<div class="signInEnter"><div onclick="clkLgn()" class="signinbutton" role="button" tabIndex="0"><span class="signinTxt">sign in</span></div></div>
<input name="isUtf8" type="hidden" value="1"/>
</form>
</body>
</html>
`.replaceAll('\n', '\r\n'),
    ),
  };
}

function mailbox(visit: Visit): Reply {
  return {
    status: 200,
    type: 'text/html; charset=utf-8',
    dynamic: true,
    headers: [
      ['Cache-Control', 'private'],
      ...common(visit),
      ['X-OWA-Error', 'Microsoft.Exchange.Data.Storage.MailboxUnavailableException'],
    ],
    body: html(
      `<!DOCTYPE HTML>
<html><head><title>Error</title></head>
<body><div class="errorHeader">something went wrong</div>
<div>The mailbox isn't available. This may have occurred because the license for the mailbox has expired or the mailbox is being moved.</div>
<div>X-FEServer: ${visit.place.persona.hostName}</div><div>Date: ${new Date(visit.nowMs).toUTCString()}</div>
</body></html>
`.replaceAll('\n', '\r\n'),
    ),
  };
}

export const outlook: Lure = {
  name: 'outlook',
  personas: ['windows-server'],
  paths: ['/owa', '/owa/', '/ecp', '/ecp/', '/exchange'],
  mechanisms: ['http-form'],
  answer(visit) {
    const path = visit.path.toLowerCase();
    const origin = `https://${hostOf(visit.request, visit.place)}`;
    const back = encodeURIComponent(`${origin}/owa/`);
    if (path === '/owa/auth/logon.aspx') return logon(visit);
    if (path === '/owa/auth.owa' || path === '/owa/auth/auth.owa') {
      if (visit.login === undefined) return redirect(visit, `/owa/auth/logon.aspx?url=${back}&reason=0`);
      if (!visit.login.accepted)
        return redirect(visit, `${origin}/owa/auth/logon.aspx?replaceCurrent=1&reason=2&url=${back}`);
      const data = signIn(visit, 'outlook');
      return redirect(visit, `${origin}/owa/`, [['Set-Cookie', `cadata=${data}; path=/; secure; HttpOnly`]]);
    }
    if (path !== '/owa' && path !== '/owa/' && path !== '/ecp' && path !== '/ecp/' && path !== '/exchange')
      return undefined;
    if (isSignedIn(visit, 'outlook')) return mailbox(visit);
    return redirect(visit, `${origin}/owa/auth/logon.aspx?url=${back}&reason=0`);
  },
};
