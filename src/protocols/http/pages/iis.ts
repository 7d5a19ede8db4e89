/** IIS 10: the start page, the pages of its static error files, and those of the kernel driver below it (HTTP.sys). */

const CRLF = '\r\n';

export function iisStart(): Buffer {
  return Buffer.from(
    [
      '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">',
      '<html xmlns="http://www.w3.org/1999/xhtml">',
      '<head>',
      '<meta http-equiv="Content-Type" content="text/html; charset=iso-8859-1" />',
      '<title>IIS Windows Server</title>',
      '<style type="text/css">',
      '<!--',
      'body {',
      '\tcolor:#000000;',
      '\tbackground-color:#0072C6;',
      '\tmargin:0;',
      '}',
      '',
      '#container {',
      '\tmargin-left:auto;',
      '\tmargin-right:auto;',
      '\ttext-align:center;',
      '\t}',
      '',
      'a img {',
      '\tborder:none;',
      '}',
      '',
      '-->',
      '</style>',
      '</head>',
      '<body>',
      '<div id="container">',
      '<a href="http://go.microsoft.com/fwlink/?linkid=66138&amp;clcid=0x409"><img src="iisstart.png" alt="IIS" width="960" height="600" /></a>',
      '</div>',
      '</body>',
      '</html>',
    ].join(CRLF),
  );
}

/** Title and explanation of the error files, by status. */
const ERRORS: Readonly<Record<number, readonly [string, string]>> = {
  401: [
    '401 - Unauthorized: Access is denied due to invalid credentials.',
    'You do not have permission to view this directory or page using the credentials that you supplied.',
  ],
  403: [
    '403 - Forbidden: Access is denied.',
    'You do not have permission to view this directory or page using the credentials that you supplied.',
  ],
  404: [
    '404 - File or directory not found.',
    'The resource you are looking for might have been removed, had its name changed, or is temporarily unavailable.',
  ],
  405: [
    '405 - HTTP verb used to access this page is not allowed.',
    'The page you are looking for cannot be displayed because an invalid method (HTTP verb) was used to attempt access.',
  ],
  501: [
    '501 - Header values specify a method that is not implemented.',
    'The page you are looking for cannot be displayed because a header value in the request does not match certain configuration settings on the Web server. For example, a request header might specify a POST to a static file that cannot be posted to, or specify a Transfer-Encoding value that cannot make use of compression.',
  ],
};

export function iisError(status: number): Buffer {
  const [title, text] = ERRORS[status] ?? [`${status} - Error`, ''];
  return Buffer.from(
    [
      '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">',
      '<html xmlns="http://www.w3.org/1999/xhtml">',
      '<head>',
      '<meta http-equiv="Content-Type" content="text/html; charset=iso-8859-1"/>',
      `<title>${title}</title>`,
      '<style type="text/css">',
      '<!--',
      'body{margin:0;font-size:.7em;font-family:Verdana, Arial, Helvetica, sans-serif;background:#EEEEEE;}',
      'fieldset{padding:0 15px 10px 15px;} ',
      'h1{font-size:2.4em;margin:0;color:#FFF;}',
      'h2{font-size:1.7em;margin:0;color:#CC0000;} ',
      'h3{font-size:1.2em;margin:10px 0 0 0;color:#000000;} ',
      '#header{width:96%;margin:0 0 0 0;padding:6px 2% 6px 2%;font-family:"trebuchet MS", Verdana, sans-serif;color:#FFF;',
      'background-color:#555555;}',
      '#content{margin:0 0 0 2%;position:relative;}',
      '.content-container{background:#FFF;width:96%;margin-top:8px;padding:10px;position:relative;}',
      '-->',
      '</style>',
      '</head>',
      '<body>',
      '<div id="header"><h1>Server Error</h1></div>',
      '<div id="content">',
      ' <div class="content-container"><fieldset>',
      `  <h2>${title}</h2>`,
      `  <h3>${text}</h3>`,
      ' </fieldset></div>',
      '</div>',
      '</body>',
      '</html>',
      '',
    ].join(CRLF),
  );
}

/** A page of the driver: title, heading and sentence, with the doctype's missing space as it sends it. */
export function driverError(status: number, title: string, heading: string, sentence: string): Buffer {
  return Buffer.from(
    [
      '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01//EN""http://www.w3.org/TR/html4/strict.dtd">',
      `<HTML><HEAD><TITLE>${title}</TITLE>`,
      '<META HTTP-EQUIV="Content-Type" Content="text/html; charset=us-ascii"></HEAD>',
      `<BODY><h2>${heading}</h2>`,
      `<hr><p>HTTP Error ${status}. ${sentence}</p>`,
      '</BODY></HTML>',
      '',
    ].join(CRLF),
  );
}
