import 'react';

declare module 'react' {
  interface CSSProperties {
    /** Length of the bar behind a row, from 0 to 1. */
    '--share'?: number;
  }
}
