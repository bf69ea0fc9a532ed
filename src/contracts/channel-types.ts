/** The values of the parameters of a channel name, before they are text. */
export type ChannelValues<Name extends string> = {
  readonly [Param in ParamNames<Name>]: string | number | bigint;
};

/** The values of the parameters in the name of a channel, as a handler receives them. */
export type ParamsOf<Name extends string> = { readonly [Param in ParamNames<Name>]: string };

/** How the channel of one name is written: the name itself, or with the values of its parameters. */
export type ContractChannel<Name extends string> = Name extends string
  ? [ParamNames<Name>] extends [never]
    ? Name
    : readonly [name: Name, params: ChannelValues<Name>] | (string extends Name ? Name : never)
  : never;

/** The name in a {@link ContractChannel}. */
export type NameIn<C> = C extends readonly [infer Name, unknown] ? Name : C;

/**
 * The parameters of a name: `'id'` in `user.:id.created`. One begins at the start of a segment, and is a word that ends
 * with the segment. It is what `channel-pattern.ts` reads, one character after the other.
 */
export type ParamNames<Name extends string> = string extends Name
  ? string
  : InSegment<Name, true, never>;

type Separator = '.' | ':' | '/';
type Digit = '0' | '1' | '2' | '3' | '4' | '5' | '6' | '7' | '8' | '9';

type InSegment<
  Text extends string,
  IsStart extends boolean,
  Found extends string,
> = Text extends `${infer First}${infer Rest}`
  ? First extends '\\'
    ? AfterEscape<Rest, Found>
    : [First, IsStart] extends [':', true]
      ? InWord<Rest, '', Rest, Found>
      : InSegment<Rest, First extends Separator ? true : false, Found>
  : Found;

type AfterEscape<
  Text extends string,
  Found extends string,
> = Text extends `${infer First}${infer Rest}`
  ? InSegment<Rest, First extends Separator ? true : false, Found>
  : Found;

/** `After` is the text after the colon, which is read again if there is no word. */
type InWord<
  Text extends string,
  Word extends string,
  After extends string,
  Found extends string,
> = Text extends `${infer First}${infer Rest}`
  ? IsWordCharacter<First, Word> extends true
    ? InWord<Rest, `${Word}${First}`, After, Found>
    : First extends Separator
      ? Word extends ''
        ? InSegment<After, true, Found>
        : InSegment<Text, false, Found | Word>
      : InSegment<After, true, Found>
  : Word extends ''
    ? Found
    : Found | Word;

type IsWordCharacter<Char extends string, Word extends string> = Char extends '_'
  ? true
  : Lowercase<Char> extends Uppercase<Char>
    ? Char extends Digit
      ? Word extends ''
        ? false
        : true
      : false
    : true;
