"""FF1: text is encrypted to text of the same length over the same alphabet (NIST SP 800-38G, algorithms 7 and 8).

For places that take nothing but, say, sixteen digits. It is deterministic and carries neither a check nor a key id:
a wrong key gives another text of the same form, not an error. Where the form is free, use `assay.seal.reversible`.
FF3 is not offered: NIST withdrew it after the attack of Durak and Vaudenay (2017).
"""

from __future__ import annotations

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from assay.core.errors import AssayError

DIGITS = "0123456789"

SMALLEST_DOMAIN = 1_000_000
"""radix ** length is never below this: SP 800-38G Rev. 1, so that texts cannot be found by trying them all."""

_BLOCK = 16
_ROUNDS = 10
_LONGEST = 2**20
_KEY_SIZES = (16, 24, 32)


class FF1:
    """The cipher under one AES key (16, 24 or 32 bytes), over the characters of `alphabet` (2 to 65,536)."""

    def __init__(self, key: bytes, /, *, alphabet: str = DIGITS) -> None:
        if len(key) not in _KEY_SIZES:
            raise AssayError(f"A key for FF1 has 16, 24 or 32 bytes, not {len(key)}.", code="key")
        if len(set(alphabet)) != len(alphabet) or not 2 <= len(alphabet) <= 2**16:
            raise AssayError("An alphabet for FF1 has 2 to 65,536 characters, each once.", code="alphabet")
        self.alphabet = alphabet
        self._number = {character: number for number, character in enumerate(alphabet)}
        # FF1 calls AES on single blocks only, which is what the mode ECB does; no text is encrypted in that mode.
        self._aes = Cipher(algorithms.AES(key), modes.ECB()).encryptor()

    @property
    def shortest(self) -> int:
        """Length of the shortest text that is taken."""
        length = 2
        while len(self.alphabet) ** length < SMALLEST_DOMAIN:
            length += 1
        return length

    def encrypt(self, text: str, /, *, tweak: bytes = b"") -> str:
        """The ciphertext of `text`: same length, same alphabet; another `tweak` (not secret) gives another one."""
        low, high = self._halves(text)
        left, right = self._read(text[: len(text) // 2]), self._read(text[len(text) // 2 :])
        rounds = _Rounds(self, len(text), tweak)
        for i in range(_ROUNDS):
            left, right = right, (left + rounds.number(i, right)) % (high if i % 2 else low)
        return self._write(left, len(text) // 2) + self._write(right, len(text) - len(text) // 2)

    def decrypt(self, text: str, /, *, tweak: bytes = b"") -> str:
        """The text that `encrypt` made `text` of, with the same key and `tweak`."""
        low, high = self._halves(text)
        left, right = self._read(text[: len(text) // 2]), self._read(text[len(text) // 2 :])
        rounds = _Rounds(self, len(text), tweak)
        for i in reversed(range(_ROUNDS)):
            left, right = (right - rounds.number(i, left)) % (high if i % 2 else low), left
        return self._write(left, len(text) // 2) + self._write(right, len(text) - len(text) // 2)

    def block(self, data: bytes) -> bytes:
        """AES of one block."""
        return self._aes.update(data)

    def _halves(self, text: str) -> tuple[int, int]:
        """How many numbers the left and the right half can be; texts outside the domain are refused."""
        if not self.shortest <= len(text) <= _LONGEST:
            raise AssayError(
                f"FF1 over {len(self.alphabet)} characters takes {self.shortest} to {_LONGEST:,} of them, "
                f"not {len(text)}.",
                code="format",
                hint="Shorter texts can be found by trying all; use a token instead.",
            )
        if not self._number.keys() >= set(text):
            raise AssayError("The text has characters that are not in the alphabet.", code="format")
        radix, half = len(self.alphabet), len(text) // 2
        return int(radix**half), int(radix ** (len(text) - half))

    def _read(self, text: str) -> int:
        """The number that `text` writes, most significant character first."""
        total = 0
        for character in text:
            total = total * len(self.alphabet) + self._number[character]
        return total

    def _write(self, number: int, length: int) -> str:
        written = []
        for _ in range(length):
            number, digit = divmod(number, len(self.alphabet))
            written.append(self.alphabet[digit])
        return "".join(reversed(written))


class _Rounds:
    """The round function of one text: steps 3 to 6.v of algorithm 7."""

    def __init__(self, cipher: FF1, length: int, tweak: bytes) -> None:
        radix, half = len(cipher.alphabet), length // 2
        self._cipher = cipher
        self._bytes = ((radix ** (length - half) - 1).bit_length() + 7) // 8
        self._size = 4 * ((self._bytes + 3) // 4) + 4
        head = b"\x01\x02\x01" + radix.to_bytes(3, "big") + bytes([_ROUNDS, half % 256])
        head += length.to_bytes(4, "big") + len(tweak).to_bytes(4, "big")
        self._state = cipher.block(head)
        self._tweak = tweak + bytes(-(len(tweak) + self._bytes + 1) % _BLOCK)

    def number(self, i: int, half: int) -> int:
        """y of round `i`, from the number of the other half."""
        data = self._tweak + bytes([i]) + half.to_bytes(self._bytes, "big")
        state = self._state
        for at in range(0, len(data), _BLOCK):
            state = self._cipher.block(_xor(state, int.from_bytes(data[at : at + _BLOCK], "big")))
        blocks = [state]
        while len(blocks) * _BLOCK < self._size:
            blocks.append(self._cipher.block(_xor(state, len(blocks))))
        return int.from_bytes(b"".join(blocks)[: self._size], "big")


def _xor(block: bytes, number: int) -> bytes:
    return (int.from_bytes(block, "big") ^ number).to_bytes(_BLOCK, "big")
