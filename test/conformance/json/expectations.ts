/** What `filters/lib/json` says of a document: accepted, or the kind of error. */
export type Verdict =
  | "accepted"
  | "too large"
  | "too deep"
  | "unexpected end"
  | "unexpected byte"
  | "bad number"
  | "bad string"
  | "bad escape"
  | "bad UTF-8"
  | "duplicate key"
  | "trailing data";

/** By their numbers: `JsonError` of filters/lib/json. */
export const VERDICTS: readonly Verdict[] = [
  "accepted",
  "too large",
  "too deep",
  "unexpected end",
  "unexpected byte",
  "bad number",
  "bad string",
  "bad escape",
  "bad UTF-8",
  "duplicate key",
  "trailing data",
];

/**
 * Cases that the suite wants accepted (`y_`) or refused (`n_`) and that end otherwise here, with the verdict. May only shrink: a test fails where one
 * no longer differs.
 */
export const DIFFERENCES: Readonly<Record<string, Verdict>> = {
  // RFC 8259, section 4: names SHOULD be unique, and readers disagree on which of two counts. A filter must not read what a service does not.
  "y_object_duplicated_key.json": "duplicate key",
  "y_object_duplicated_key_and_value.json": "duplicate key",
};

/**
 * What is done with the cases that the suite leaves to the reader (`i_`): numbers of any size are read as text and judged where they are used; text that is
 * no Unicode is refused.
 */
export const READERS_CHOICE: Readonly<Record<string, Verdict>> = {
  "i_number_double_huge_neg_exp.json": "accepted",
  "i_number_huge_exp.json": "accepted",
  "i_number_neg_int_huge_exp.json": "accepted",
  "i_number_pos_double_huge_exp.json": "accepted",
  "i_number_real_neg_overflow.json": "accepted",
  "i_number_real_pos_overflow.json": "accepted",
  "i_number_real_underflow.json": "accepted",
  "i_number_too_big_neg_int.json": "accepted",
  "i_number_too_big_pos_int.json": "accepted",
  "i_number_very_big_negative_int.json": "accepted",
  "i_object_key_lone_2nd_surrogate.json": "bad escape",
  "i_string_1st_surrogate_but_2nd_missing.json": "bad escape",
  "i_string_1st_valid_surrogate_2nd_invalid.json": "bad escape",
  "i_string_UTF-16LE_with_BOM.json": "unexpected byte",
  "i_string_UTF-8_invalid_sequence.json": "bad UTF-8",
  "i_string_UTF8_surrogate_U+D800.json": "bad UTF-8",
  "i_string_incomplete_surrogate_and_escape_valid.json": "bad escape",
  "i_string_incomplete_surrogate_pair.json": "bad escape",
  "i_string_incomplete_surrogates_escape_valid.json": "bad escape",
  "i_string_invalid_lonely_surrogate.json": "bad escape",
  "i_string_invalid_surrogate.json": "bad escape",
  "i_string_invalid_utf-8.json": "bad UTF-8",
  "i_string_inverted_surrogates_U+1D11E.json": "bad escape",
  "i_string_iso_latin_1.json": "bad UTF-8",
  "i_string_lone_second_surrogate.json": "bad escape",
  "i_string_lone_utf8_continuation_byte.json": "bad UTF-8",
  "i_string_not_in_unicode_range.json": "bad UTF-8",
  "i_string_overlong_sequence_2_bytes.json": "bad UTF-8",
  "i_string_overlong_sequence_6_bytes.json": "bad UTF-8",
  "i_string_overlong_sequence_6_bytes_null.json": "bad UTF-8",
  "i_string_truncated-utf-8.json": "bad UTF-8",
  "i_string_utf16BE_no_BOM.json": "unexpected byte",
  "i_string_utf16LE_no_BOM.json": "unexpected byte",
  "i_structure_500_nested_arrays.json": "too deep",
  "i_structure_UTF-8_BOM_empty_object.json": "unexpected byte",
};
