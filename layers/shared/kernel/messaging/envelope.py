"""Records as lines of JSON, in the envelope of Lenses' S3 connectors (`store.envelope`).

```
{"key": "…", "value": "…", "headers": {"name": "value"},
 "metadata": {"topic": "…", "partition": 0, "offset": 0, "timestamp": 0}}
```

Key and value are texts, also where they hold JSON, so that no reader reformats it. Bytes that are not UTF-8 are in
base64, and `keyIsArray` or `valueIsArray` is true, as Lenses marks them.

`headers` can have a name only once, and has no such mark. Headers for which that is not enough are in `headersList`
as well, as pairs of name and text, or of name and `{"base64": …}`. Lenses' readers leave that field out.
"""

from base64 import b64decode, b64encode

import msgspec

from kernel.errors import InvalidError
from kernel.messaging.log_record import LogHeader, LogRecord


class _Binary(msgspec.Struct, forbid_unknown_fields=True):
    base64: bytes


class _Metadata(msgspec.Struct, forbid_unknown_fields=True):
    topic: str
    partition: int
    offset: int
    timestamp: int


class _Line(msgspec.Struct, omit_defaults=True, rename="camel", forbid_unknown_fields=True):
    """*key_is_array*, *value_is_array*: absent or true, because Lenses takes any other value for true as well."""

    key: str | None
    value: str | None
    headers: dict[str, str | None]
    metadata: _Metadata
    key_is_array: bool = False
    value_is_array: bool = False
    headers_list: list[tuple[str, str | _Binary | None]] | None = None


_encode = msgspec.json.Encoder().encode
_decoder = msgspec.json.Decoder(_Line)


def encode(record: LogRecord) -> bytes:
    """Return the record's line, without a line break at its end."""
    key, key_is_array = _text(record.key)
    value, value_is_array = _text(record.value)
    texts = [(name, *_text(content)) for name, content in record.headers]
    headers = {name: text for name, text, _ in texts}
    line = _Line(
        key,
        value,
        headers,
        _Metadata(record.topic, record.partition, record.offset, record.timestamp),
        key_is_array,
        value_is_array,
    )
    if len(headers) < len(texts) or any(is_binary for _, _, is_binary in texts):
        line.headers_list = [
            (name, _Binary(content) if is_binary and content is not None else text)
            for (name, content), (_, text, is_binary) in zip(record.headers, texts, strict=True)
        ]
    return _encode(line)


def decode(line: bytes) -> LogRecord:
    """Return the record of a line that `encode` or a Lenses connector wrote.

    Raises InvalidError, which says what is wrong, for another line.
    """
    try:
        read = _decoder.decode(line)
        key, value = (
            _content(read.key, is_binary=read.key_is_array),
            _content(read.value, is_binary=read.value_is_array),
        )
    except ValueError as error:
        message = f"The line is not a record's envelope: {error}. Key and value must be texts or null."
        raise InvalidError(message) from error
    headers: list[LogHeader]
    if read.headers_list is None:
        headers = [(name, _content(text)) for name, text in read.headers.items()]
    else:
        headers = [
            (name, each.base64 if isinstance(each, _Binary) else _content(each)) for name, each in read.headers_list
        ]
    place = read.metadata
    return LogRecord(place.topic, place.partition, place.offset, place.timestamp, key, value, headers)


def _text(content: bytes | None) -> tuple[str | None, bool]:
    """Return the content as text, and whether that is base64."""
    if content is None:
        return None, False
    try:
        return content.decode(), False
    except UnicodeDecodeError:
        return b64encode(content).decode(), True


def _content(text: str | None, *, is_binary: bool = False) -> bytes | None:
    if text is None:
        return None
    return b64decode(text, validate=True) if is_binary else text.encode()
