/** Areas behind HTTP authentication: the Tomcat manager behind the web server, a directory with Basic and one with Digest. */
import { createHash } from 'node:crypto';
import { escapeHtml, type Reply } from '../products/product.ts';
import { html, type Lure, type Visit } from './lure.ts';

const TOMCATS = ['9.0.31', '9.0.58', '9.0.65', '9.0.70'] as const;
const tomcatOf = (visit: Visit): string => visit.place.persona.pick('tomcat version', TOMCATS);

function managerRefused(): Reply {
  return {
    status: 401,
    type: 'text/html;charset=ISO-8859-1',
    dynamic: true,
    headers: [
      ['Cache-Control', 'private'],
      ['WWW-Authenticate', 'Basic realm="Tomcat Manager Application"'],
    ],
    body: html(`<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01 Transitional//EN">
<html>
 <head>
  <title>401 Unauthorized</title>
 </head>
 <body>
   <h1>401 Unauthorized</h1>
   <p>
    You are not authorized to view this page. If you have not changed
    any configuration files, please examine the file
    <tt>conf/tomcat-users.xml</tt> in your installation. That
    file must contain the credentials to let you use this webapp.
   </p>
 </body>
</html>
`),
  };
}

const APPLICATIONS = [
  ['/', 'ROOT'],
  ['/host-manager', 'host-manager'],
  ['/manager', 'manager'],
] as const;

function managerPage(visit: Visit): Reply {
  const text = visit.path.startsWith('/manager/text/');
  const deployed = visit.request.method === 'POST' || visit.request.method === 'PUT';
  const message = deployed ? 'OK - Deployed application' : 'OK';
  if (text) {
    const list = APPLICATIONS.map(([path, name]) => `${path}:running:0:${name}`).join('\n');
    const body = deployed ? `${message}\n` : `OK - Listed applications for virtual host [localhost]\n${list}\n`;
    return { status: 200, type: 'text/plain;charset=utf-8', dynamic: true, body: html(body) };
  }
  const rows = APPLICATIONS.map(([path]) => `<tr><td><a href="${path}">${path}</a></td><td>true</td><td>0</td></tr>`);
  return {
    status: 200,
    type: 'text/html;charset=utf-8',
    dynamic: true,
    body: html(`<html>
<head><title>/manager</title></head>
<body bgcolor="#FFFFFF">
<h1>Tomcat Web Application Manager</h1>
<table><tr><td>Message:</td><td><pre>${message}</pre></td></tr></table>
<table>${rows.join('\n')}</table>
<form action="/manager/html/upload;jsessionid=${visit.random(16).toString('hex').toUpperCase()}" method="post" enctype="multipart/form-data">
<input type="file" name="deployWar"> <input type="submit" value="Deploy"></form>
<p>Apache Tomcat/${tomcatOf(visit)} ${escapeHtml(visit.place.persona.hostName)}</p>
</body>
</html>
`),
  };
}

export const tomcatManager: Lure = {
  name: 'tomcat',
  personas: ['ubuntu-server', 'windows-server'],
  paths: ['/manager/'],
  mechanisms: ['http-basic'],
  answer(visit) {
    if (!/^\/manager\/(?:html|text|status)(?:[/;]|$)/.test(visit.path)) return undefined;
    return visit.login?.accepted === true ? managerPage(visit) : managerRefused();
  },
};

/** What lies behind a protected directory: a listing with nothing worth having in it. */
function inside(visit: Visit, directory: string): Reply {
  return {
    status: 200,
    type: 'text/html',
    dynamic: true,
    body: html(`<html>
<head><title>Index of ${directory}</title></head>
<body>
<h1>Index of ${directory}</h1><hr><pre><a href="../">../</a>
<a href="reports/">reports/</a>
<a href="${escapeHtml(visit.place.persona.user)}/">${escapeHtml(visit.place.persona.user)}/</a>
</pre><hr></body>
</html>
`),
  };
}

export const basicArea: Lure = {
  name: 'basic-area',
  personas: ['ubuntu-server', 'windows-server'],
  paths: ['/admin', '/admin/'],
  mechanisms: ['http-basic'],
  answer(visit) {
    if (visit.login?.accepted === true) return inside(visit, '/admin/');
    const { persona } = visit.place;
    // IIS puts the host's name where no realm is configured.
    const realm =
      visit.product.name === 'iis'
        ? persona.hostName
        : persona.pick('basic realm', ['Restricted Content', 'Administrator Login', 'Restricted', 'Staff only']);
    return visit.product.error(401, visit.place, visit.request, [['WWW-Authenticate', `Basic realm="${realm}"`]]);
  },
};

/** mod_auth_digest: time in microseconds as base64, then a SHA-1 over it. */
function digestChallenge(visit: Visit): string {
  const { persona } = visit.place;
  if (visit.product.name === 'iis') {
    const nonce = `+Upgraded+v1${Buffer.concat([visit.random(48), persona.secret('iis digest', 24)]).toString('base64')}`;
    return `Digest qop="auth",algorithm=MD5-sess,nonce="${nonce}",charset=utf-8,realm="${persona.domain}"`;
  }
  const time = Buffer.alloc(8);
  time.writeBigUInt64LE(BigInt(Math.floor(visit.nowMs)) * 1000n + BigInt(visit.random(2).readUInt16BE() % 1000));
  const hash = createHash('sha1').update(persona.secret('apache digest', 20)).update(time).digest('hex');
  return `Digest realm="Private", nonce="${time.toString('base64')}${hash}", algorithm=MD5, qop="auth"`;
}

export const digestArea: Lure = {
  name: 'digest-area',
  personas: ['ubuntu-server', 'windows-server'],
  paths: ['/private', '/private/'],
  mechanisms: ['http-digest'],
  products: ['apache', 'iis'],
  answer(visit) {
    if (visit.login?.accepted === true) return inside(visit, '/private/');
    return visit.product.error(401, visit.place, visit.request, [['WWW-Authenticate', digestChallenge(visit)]]);
  },
};
