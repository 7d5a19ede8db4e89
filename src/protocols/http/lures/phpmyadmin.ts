/** phpMyAdmin as Ubuntu packages it: the login form with its token, MySQL's words for a refused user, and the list of databases inside. */
import { escapeHtml, type Reply } from '../products/product.ts';
import { html, isSignedIn, type Lure, signIn, type Visit } from './lure.ts';

/** The package's version by Ubuntu release. */
const VERSIONS: Readonly<Record<string, string>> = {
  '20.04': '4.9.5deb2',
  '22.04': '5.1.1deb5ubuntu1',
  '24.04': '5.2.1deb3',
};
const TYPE = 'text/html; charset=utf-8';

const versionOf = (visit: Visit): string => VERSIONS[visit.place.persona.os.version.slice(0, 5)] ?? '5.1.1deb5ubuntu1';

function headersOf(visit: Visit, cookies: readonly string[]): (readonly [string, string])[] {
  return [
    ...cookies.map((cookie) => ['Set-Cookie', cookie] as const),
    ['Expires', new Date(visit.nowMs).toUTCString()],
    ['Cache-Control', 'no-store, no-cache, must-revalidate,  pre-check=0, post-check=0, max-age=0'],
    ['Pragma', 'no-cache'],
    ['X-Frame-Options', 'DENY'],
    ['Referrer-Policy', 'no-referrer'],
    ['X-Content-Type-Options', 'nosniff'],
    ['X-Robots-Tag', 'noindex, nofollow'],
    ['Last-Modified', new Date(visit.nowMs).toUTCString()],
  ];
}

function page(visit: Visit, title: string, body: string, cookies: readonly string[]): Reply {
  const version = versionOf(visit);
  return {
    status: 200,
    type: TYPE,
    dynamic: true,
    headers: headersOf(visit, cookies),
    body: html(`<!doctype html>
<html lang="en" dir="ltr">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="referrer" content="no-referrer">
  <meta name="robots" content="noindex,nofollow,notranslate">
  <link rel="icon" href="favicon.ico" type="image/x-icon">
  <link rel="stylesheet" type="text/css" href="./themes/pmahomme/css/theme.css?v=${version}">
  <title>${title}</title>
  <script type="text/javascript" src="js/vendor/jquery/jquery.min.js?v=${version}"></script>
</head>
${body}
</html>
`),
  };
}

function loginPage(visit: Visit): Reply {
  const session = visit.random(13).toString('hex');
  const token = visit.random(16).toString('hex');
  const { login } = visit;
  const user = escapeHtml(login?.username ?? '');
  const using = login?.password === '' ? 'NO' : 'YES';
  const error =
    login === undefined
      ? ''
      : `<div id="pma_errors"><div class="alert alert-danger" role="alert">
  <img src="themes/dot.gif" title="" alt="" class="icon ic_s_error"> Cannot log in to the MySQL server
</div>
<div class="alert alert-danger" role="alert">
  <img src="themes/dot.gif" title="" alt="" class="icon ic_s_error"> mysqli::real_connect(): (HY000/1045): Access denied for user '${user}'@'localhost' (using password: ${using})
</div></div>
`;
  const body = `<body id=loginform>
<div id="page_content">
<div class="container">
<a href="./url.php?url=https%3A%2F%2Fwww.phpmyadmin.net%2F" target="_blank" rel="noopener noreferrer" class="logo">
<img src="./themes/pmahomme/img/logo_right.png" id="imLogo" name="imLogo" alt="phpMyAdmin" border="0"></a>
<h1>Welcome to <bdo dir="ltr" lang="en">phpMyAdmin</bdo></h1>
${error}<form method="post" id="login_form" action="index.php" name="login_form" class="disableAjax hide login js-show">
<fieldset>
<legend><input type="hidden" name="set_session" value="${session}">Log in<a href="./doc/html/index.html" target="documentation"><img src="themes/dot.gif" title="Documentation" alt="Documentation" class="icon ic_b_help"></a></legend>
<div class="item"><label for="input_username">Username:</label>
<input type="text" name="pma_username" id="input_username" value="${user}" size="24" class="textfield"></div>
<div class="item"><label for="input_password">Password:</label>
<input type="password" name="pma_password" id="input_password" value="" size="24" class="textfield"></div>
<input type="hidden" name="server" value="1"></fieldset>
<fieldset class="tblFooters"><input value="Go" type="submit" id="input_go">
<input type="hidden" name="target" value="index.php"><input type="hidden" name="lang" value="en"><input type="hidden" name="token" value="${token}"></fieldset>
</form></div>
</div>
</body>`;
  return page(visit, 'phpMyAdmin', body, [
    `phpMyAdmin=${session}; path=/phpmyadmin/; HttpOnly`,
    'pma_lang=en; path=/phpmyadmin/; HttpOnly',
  ]);
}

function mainPage(visit: Visit): Reply {
  const { persona } = visit.place;
  const mysql = persona.products.mysql?.version ?? '8.0.36';
  const databases = [
    'information_schema',
    'mysql',
    'performance_schema',
    'sys',
    'wordpress',
    `${persona.organisation}_prod`,
  ];
  const list = databases.map(
    (name) => `<li class="database"><a href="index.php?route=/database/structure&amp;db=${name}">${name}</a></li>`,
  );
  return page(
    visit,
    `${persona.hostName} / localhost | phpMyAdmin ${versionOf(visit)}`,
    `<body>
<div id="pma_navigation"><ul id="pma_navigation_tree">
${list.join('\n')}
</ul></div>
<div id="main_pane_right"><div class="card"><div class="card-header">Database server</div><ul>
<li>Server: Localhost via UNIX socket</li><li>Server type: MySQL</li><li>Server version: ${mysql} - (Ubuntu)</li><li>Protocol version: 10</li><li>User: root@localhost</li>
</ul></div></div>
</body>`,
    [],
  );
}

export const phpMyAdmin: Lure = {
  name: 'phpmyadmin',
  personas: ['ubuntu-server'],
  paths: ['/phpmyadmin', '/phpmyadmin/'],
  mechanisms: ['http-form'],
  answer(visit) {
    const { login, path } = visit;
    if (path.toLowerCase() === '/phpmyadmin') return undefined;
    const rest = path.slice('/phpmyadmin/'.length);
    if (rest !== '' && rest !== 'index.php') return undefined;
    if (login?.accepted === true)
      return {
        status: 302,
        type: TYPE,
        dynamic: true,
        headers: [
          ['Set-Cookie', `pmaAuth-1=${signIn(visit, 'phpmyadmin')}; path=/phpmyadmin/; HttpOnly`],
          ['Location', './index.php?route=/'],
        ],
        body: Buffer.alloc(0),
      };
    return login === undefined && isSignedIn(visit, 'phpmyadmin') ? mainPage(visit) : loginPage(visit);
  },
};
