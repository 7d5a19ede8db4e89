/** FTP (RFC 959): vsFTPd on an Ubuntu persona, the FTP service of IIS on a Windows one. See README.md. */
import { defineService } from '../kernel/contract.ts';
import { Dialogue } from './dialogue.ts';
import { iis } from './iis.ts';
import { ftpOptions } from './options.ts';
import { vsftpd } from './vsftpd.ts';

export const ftp = defineService({
  name: 'ftp',
  title: 'FTP',
  transport: 'tcp',
  ports: [21],
  personas: ['ubuntu-server', 'windows-server'],
  options: ftpOptions,
  events: {},
  product(persona) {
    const product = persona.products.ftp;
    if (product !== undefined) return `${product.name} ${product.version}`.trim();
    return persona.kind === 'windows-server' ? 'Microsoft ftpd' : 'vsftpd 3.0.5';
  },
  open: (session, options) =>
    new Dialogue(session, options, session.persona.kind === 'windows-server' ? iis : vsftpd(session.persona)),
});
