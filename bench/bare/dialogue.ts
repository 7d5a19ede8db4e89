/** A recorded dialogue, as the bare server says it again. */

/** What the server sends once it has received so many bytes in all. */
export interface ServerTurn {
  after: number;
  /** Base64. */
  bytes: string;
}

export interface Dialogue {
  turns: ServerTurn[];
  /** Whether the server ends the connection after its last turn. */
  closes: boolean;
}

/** Makes a dialogue of what a client saw: bytes that came between two of the client's own turns are one turn of the server. */
export class DialogueRecorder {
  private readonly turns: { after: number; bytes: Buffer[] }[] = [];
  private received = 0;
  private last: 'sent' | 'received' | undefined;

  readonly observe = (direction: 'sent' | 'received', bytes: Buffer): void => {
    if (direction === 'sent') this.received += bytes.length;
    else if (this.last === 'received') this.turns.at(-1)?.bytes.push(Buffer.from(bytes));
    else this.turns.push({ after: this.received, bytes: [Buffer.from(bytes)] });
    this.last = direction;
  };

  dialogue(closes: boolean): Dialogue {
    return {
      turns: this.turns.map(({ after, bytes }) => ({ after, bytes: Buffer.concat(bytes).toString('base64') })),
      closes,
    };
  }
}
