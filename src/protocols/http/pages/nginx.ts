/** The page that a freshly installed nginx shows. */

/** `color-scheme` came with 1.21. */
export function nginxWelcome(version: string): Buffer {
  const [, minor = 0] = version.split('.').map(Number);
  const style =
    minor >= 22
      ? [
          'html { color-scheme: light dark; }',
          'body { width: 35em; margin: 0 auto;',
          'font-family: Tahoma, Verdana, Arial, sans-serif; }',
        ]
      : [
          '    body {',
          '        width: 35em;',
          '        margin: 0 auto;',
          '        font-family: Tahoma, Verdana, Arial, sans-serif;',
          '    }',
        ];
  return Buffer.from(
    [
      '<!DOCTYPE html>',
      '<html>',
      '<head>',
      '<title>Welcome to nginx!</title>',
      '<style>',
      ...style,
      '</style>',
      '</head>',
      '<body>',
      '<h1>Welcome to nginx!</h1>',
      '<p>If you see this page, the nginx web server is successfully installed and',
      'working. Further configuration is required.</p>',
      '',
      '<p>For online documentation and support please refer to',
      '<a href="http://nginx.org/">nginx.org</a>.<br/>',
      'Commercial support is available at',
      '<a href="http://nginx.com/">nginx.com</a>.</p>',
      '',
      '<p><em>Thank you for using nginx.</em></p>',
      '</body>',
      '</html>',
      '',
    ].join('\n'),
  );
}
