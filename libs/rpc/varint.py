"""Numbers as protobuf writes them, for messages written by hand where making objects of them costs too much."""


def varint(number: int) -> bytes:
    """Write a number that is not negative: seven bits a byte, the lowest first."""
    return _SMALL[number] if number < len(_SMALL) else _written(number)


def _written(number: int) -> bytes:
    octets = bytearray()
    while number > 0x7F:
        octets.append(number & 0x7F | 0x80)
        number >>= 7
    octets.append(number)
    return bytes(octets)


_SMALL = [_written(number) for number in range(20_000)]
