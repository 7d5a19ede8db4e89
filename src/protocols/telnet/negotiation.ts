/**
 * Options (RFC 855, and RFC 1143 against loops: an answer is sent only where it changes something or refuses). Follows the genuine servers: netkit
 * asks four things, waits for the answers, asks for the values, then sets up the echo; the Microsoft service asks everything at once.
 */
import { decodeEnvironment, negotiate, OPTIONS, subnegotiate, type Verb } from './codec.ts';
import { NTLM } from './ntlm.ts';
import { type Face, LINUX_SECOND } from './replies.ts';

/** Values of options that are reported of one client, and variables of its environment. */
const MAX_REPORTS = 16;
const MAX_VARIABLES = 32;
/** Answers kept for the fingerprint of the client's options. */
const MAX_ANSWERS = 48;

export interface NegotiationHandlers {
  /** Bytes for the wire, as they are. */
  send(bytes: string): void;
  /** What the client tells of itself. */
  learned(
    kind: 'terminal' | 'speed' | 'window' | 'display' | 'environment',
    value: string,
    variables?: readonly [string, string][],
  ): void;
  /** The client speaks NTLM inside AUTHENTICATION (Microsoft's service only). */
  authentication(payload: Buffer): void;
  malformed(code: string, bytes: Buffer): void;
  /** The login may begin. */
  ready(): void;
}

const { AUTHENTICATION, BINARY, ECHO, LFLOW, NAWS, NEW_ENVIRON, SGA, STATUS, TIMING_MARK, TSPEED, TTYPE, XDISPLOC } =
  OPTIONS;
const SEND = '\x01';

/** What we do when asked, and what we let the client do. */
const ABILITIES = {
  linux: {
    ours: [BINARY, ECHO, SGA, STATUS, TIMING_MARK],
    theirs: [BINARY, SGA, TTYPE, NAWS, TSPEED, LFLOW, XDISPLOC, NEW_ENVIRON],
  },
  windows: { ours: [BINARY, ECHO, SGA], theirs: [BINARY, SGA, NAWS, NEW_ENVIRON, AUTHENTICATION, TTYPE] },
} as const;

const text = (payload: Buffer): string => payload.toString('latin1');

export class Negotiation {
  private readonly face: Face;
  private readonly handlers: NegotiationHandlers;
  private readonly ours = new Set<number>();
  private readonly theirs = new Set<number>();
  /** Asked by us and not answered. */
  private readonly askedDo = new Set<number>();
  private readonly askedWill = new Set<number>();
  private readonly values = new Set<number>();
  private stage: 'options' | 'values' | 'echo' | 'done' = 'options';
  private reports = 0;
  readonly answers: string[] = [];

  constructor(face: Face, handlers: NegotiationHandlers) {
    this.face = face;
    this.handlers = handlers;
  }

  open(): void {
    this.handlers.send(this.face.opening);
    if (this.face.kind === 'linux') for (const option of this.face.asked) this.askedDo.add(option);
    else {
      for (const option of [AUTHENTICATION, NEW_ENVIRON, NAWS, BINARY]) this.askedDo.add(option);
      for (const option of [ECHO, SGA, BINARY]) this.askedWill.add(option);
    }
  }

  option(verb: Verb, option: number): void {
    if (this.answers.length < MAX_ANSWERS) this.answers.push(`${verb} ${option}`);
    switch (verb) {
      case 'WILL':
        this.peerWill(option);
        break;
      case 'WONT':
        if (!this.askedDo.delete(option) && this.theirs.has(option)) this.handlers.send(negotiate(['DONT', option]));
        this.theirs.delete(option);
        break;
      case 'DO':
        this.peerDo(option);
        break;
      case 'DONT':
        if (!this.askedWill.delete(option) && this.ours.has(option)) this.handlers.send(negotiate(['WONT', option]));
        this.ours.delete(option);
        break;
    }
    this.progress();
  }

  private peerWill(option: number): void {
    const wanted = this.askedDo.delete(option);
    if (this.theirs.has(option)) return;
    if (wanted && option === ECHO) {
      // telnetd asks for ECHO only to find out 4.2BSD clients; who agrees is told to stop.
      this.handlers.send(negotiate(['DONT', ECHO]));
      return;
    }
    const able = (ABILITIES[this.face.kind].theirs as readonly number[]).includes(option);
    if (able) this.theirs.add(option);
    if (!wanted) this.handlers.send(negotiate([able ? 'DO' : 'DONT', option]));
    // The Microsoft service asks for the two variables by which its own client says what it is.
    if (wanted && option === NEW_ENVIRON && this.face.kind === 'windows')
      this.handlers.send(subnegotiate(NEW_ENVIRON, `${SEND}\x03SFUTLNTVER\x03SFUTLNTMODE`));
    if (able && option === AUTHENTICATION)
      this.handlers.send(subnegotiate(AUTHENTICATION, `${SEND}${String.fromCharCode(NTLM)}\0`));
  }

  private peerDo(option: number): void {
    const offered = this.askedWill.delete(option);
    if (this.ours.has(option)) return;
    const able = (ABILITIES[this.face.kind].ours as readonly number[]).includes(option);
    // A timing mark is answered each time (RFC 860).
    if (able && option !== TIMING_MARK) this.ours.add(option);
    if (!offered) this.handlers.send(negotiate([able ? 'WILL' : 'WONT', option]));
  }

  subnegotiation(option: number, payload: Buffer, whole: boolean): void {
    if (!whole) {
      this.handlers.malformed('subnegotiation_too_long', payload);
      return;
    }
    this.values.delete(option);
    if (option === AUTHENTICATION) {
      if (this.face.kind === 'windows') this.handlers.authentication(payload);
      return;
    }
    this.report(option, payload);
    this.progress();
  }

  private report(option: number, payload: Buffer): void {
    if (this.reports >= MAX_REPORTS) return;
    this.reports += 1;
    switch (option) {
      case TTYPE:
        this.handlers.learned('terminal', text(payload.subarray(1)));
        return;
      case TSPEED:
        this.handlers.learned('speed', text(payload.subarray(1)));
        return;
      case XDISPLOC:
        this.handlers.learned('display', text(payload.subarray(1)));
        return;
      case NAWS:
        if (payload.length === 4)
          this.handlers.learned('window', `${payload.readUInt16BE(0)}x${payload.readUInt16BE(2)}`);
        else this.handlers.malformed('naws_length', payload);
        return;
      case NEW_ENVIRON: {
        const variables = decodeEnvironment(payload, MAX_VARIABLES);
        if (variables.length > 0)
          this.handlers.learned(
            'environment',
            variables.map(([name, value]) => `${name}=${value}`).join(' '),
            variables,
          );
        return;
      }
    }
  }

  /** Goes on to the next stage once what it waits for has come. */
  private progress(): void {
    if (this.face.kind === 'windows') {
      if (this.stage === 'options' && !this.askedDo.has(AUTHENTICATION) && !this.theirs.has(AUTHENTICATION))
        this.finish();
      return;
    }
    if (this.stage === 'options' && this.face.asked.every((option) => !this.askedDo.has(option))) {
      this.stage = 'values';
      // netkit's order, which is not that of the opening.
      const asked = [TSPEED, XDISPLOC, NEW_ENVIRON, TTYPE].filter((option) => this.theirs.has(option));
      for (const option of asked) this.values.add(option);
      this.handlers.send(asked.map((option) => subnegotiate(option, SEND)).join(''));
    }
    if (this.stage === 'values' && this.values.size === 0) {
      this.stage = 'echo';
      for (const option of [SGA, STATUS]) this.askedWill.add(option);
      for (const option of [ECHO, NAWS, LFLOW]) this.askedDo.add(option);
      this.handlers.send(LINUX_SECOND);
    }
    if (this.stage === 'echo' && !this.askedDo.has(ECHO)) {
      if (!this.ours.has(ECHO)) {
        this.askedWill.add(ECHO);
        this.handlers.send(negotiate(['WILL', ECHO]));
      }
      this.finish();
    }
  }

  private finish(): void {
    if (this.stage === 'done') return;
    this.stage = 'done';
    this.handlers.ready();
  }
}
