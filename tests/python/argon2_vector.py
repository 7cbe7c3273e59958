"""Recomputes the known answer of tests/vectors/argon2id-kek.hex with the C reference implementation (argon2-cffi)."""

import pathlib
import sys

from argon2.low_level import Type, core, error_to_str, ffi, lib

password = b"correct horse battery staple"
salt = b"\x02" * 32
pepper = b"\x01" * 32
out = ffi.new("uint8_t[]", 32)
buffers = [ffi.new("uint8_t[]", value) for value in (password, salt, pepper)]
context = ffi.new(
    "argon2_context *",
    dict(
        out=out,
        outlen=32,
        version=0x13,
        pwd=buffers[0],
        pwdlen=len(password),
        salt=buffers[1],
        saltlen=len(salt),
        secret=buffers[2],
        secretlen=len(pepper),
        ad=ffi.NULL,
        adlen=0,
        t_cost=3,
        m_cost=64 * 1024,
        lanes=4,
        threads=4,
        allocate_cbk=ffi.NULL,
        free_cbk=ffi.NULL,
        flags=lib.ARGON2_DEFAULT_FLAGS,
    ),
)
status = core(context, Type.ID.value)
if status != 0:
    sys.exit(error_to_str(status))
computed = bytes(ffi.buffer(out)).hex()
if sys.argv[1:] == ["--print"]:
    print(computed)
    sys.exit()
expected = pathlib.Path(__file__).parent.parent.joinpath("vectors/argon2id-kek.hex").read_text().strip()
if computed != expected:
    sys.exit(f"the C reference gives {computed}, the vector says {expected}")
print("argon2id: the C reference agrees")
