/** The page that a freshly installed Apache shows on Ubuntu: the same title and statements in a shorter body. */
export function apacheDefault(): Buffer {
  return Buffer.from(`<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml">
  <head>
    <meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
    <title>Apache2 Ubuntu Default Page: It works</title>
    <style type="text/css" media="screen">
  body { padding: 3px; background-color: #D8DBE2; font-family: Ubuntu, Verdana, sans-serif; font-size: 11pt; text-align: center; }
  div.main_page { width: 800px; margin: 0 auto; background-color: #FFFFFF; border: 2px solid #212738; text-align: left; }
  div.page_header span { font-size: 180%; font-weight: bold; padding-left: 20px; }
  div.section_header { background-color: #E95420; color: #FFFFFF; padding: 4px; text-align: center; font-weight: bold; }
  div.content_section_text { padding: 4px 8px; }
    </style>
  </head>
  <body>
    <div class="main_page">
      <div class="page_header floating_element">
        <img src="/icons/ubuntu-logo.png" alt="Ubuntu Logo" class="floating_element" />
        <span class="floating_element">
          Apache2 Ubuntu Default Page
        </span>
      </div>
      <div class="content_section floating_element">
        <div class="section_header section_header_red">
          <div id="about"></div>
          It works!
        </div>
        <div class="content_section_text">
          <p>
                This page shows that the Apache2 server on this Ubuntu system was installed and answers.
                Replace <tt>/var/www/html/index.html</tt> before the site goes into service.
          </p>
        </div>
        <div class="section_header">
          <div id="changes"></div>
                Configuration Overview
        </div>
        <div class="content_section_text">
          <p>
                The configuration is kept under <tt>/etc/apache2/</tt>; it is explained in
                <tt>/usr/share/doc/apache2/README.Debian.gz</tt>.
          </p>
          <pre>
/etc/apache2/
|-- apache2.conf
|       \`--  ports.conf
|-- mods-enabled
|       |-- *.load
|       \`-- *.conf
|-- conf-enabled
|       \`-- *.conf
|-- sites-enabled
|       \`-- *.conf
          </pre>
        </div>
        <div class="section_header">
            <div id="docroot"></div>
                Document Roots
        </div>
        <div class="content_section_text">
            <p>
                Files are served from <tt>/var/www/html</tt>, <tt>public_html</tt> directories (when enabled)
                and <tt>/usr/share</tt> (for web applications).
            </p>
        </div>
      </div>
    </div>
  </body>
</html>

`);
}
