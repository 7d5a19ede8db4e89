/** Files that should not be under a document root: a framework's environment file and a Git configuration, with this machine's own values. */
import type { Persona } from '../../surfaces/persona.ts';
import type { Reply, StaticFile } from '../products/product.ts';
import { html, type Lure, laterDate, secretWord } from './lure.ts';

function environment(persona: Persona): string {
  const database = `${persona.organisation.toLowerCase()}_prod`;
  return `APP_NAME=${persona.organisation}
APP_ENV=production
APP_KEY=base64:${persona.secret('laravel key', 32).toString('base64')}
APP_DEBUG=false
APP_URL=https://${persona.fqdn}

LOG_CHANNEL=stack

DB_CONNECTION=mysql
DB_HOST=127.0.0.1
DB_PORT=3306
DB_DATABASE=${database}
DB_USERNAME=${persona.user}
DB_PASSWORD=${secretWord(persona, 'database password', 14)}

CACHE_DRIVER=file
SESSION_DRIVER=file
SESSION_LIFETIME=120

MAIL_MAILER=smtp
MAIL_HOST=mail.${persona.domain.toLowerCase()}
MAIL_PORT=587
MAIL_USERNAME=noreply@${persona.domain.toLowerCase()}
MAIL_PASSWORD=${secretWord(persona, 'mail password', 12)}
MAIL_ENCRYPTION=tls
`;
}

function gitConfig(persona: Persona): string {
  return `[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = false
\tlogallrefupdates = true
[remote "origin"]
\turl = https://${persona.user}:${secretWord(persona, 'git password', 16)}@git.${persona.domain}/${persona.organisation}/site.git
\tfetch = +refs/heads/*:refs/remotes/origin/*
[branch "main"]
\tremote = origin
\tmerge = refs/heads/main
`;
}

const MADE: Readonly<Record<string, (persona: Persona) => string>> = {
  '/.env': environment,
  '/.git/config': gitConfig,
  '/.git/head': () => 'ref: refs/heads/main\n',
};

export const leaks: Lure = {
  name: 'leaks',
  personas: ['ubuntu-server'],
  paths: Object.keys(MADE),
  mechanisms: [],
  answer({ path, place, request, product }): Reply | undefined {
    const name = path === '/.git/HEAD' ? '/.git/head' : path;
    const make = Object.hasOwn(MADE, name) ? MADE[name] : undefined;
    if (make === undefined) return undefined;
    if (request.method !== 'GET' && request.method !== 'HEAD') return product.error(405, place, request);
    const body = html(make(place.persona));
    // A name without a known ending: nginx falls back to its default type, Apache says nothing of a type.
    const type = product.name === 'nginx' ? 'application/octet-stream' : '';
    const file: StaticFile = { type, body, modifiedMs: laterDate(place.persona, `leak ${name}`) };
    return { status: 200, body, file };
  },
};
