// Opens a file that Strongroom encrypted, with Java's standard library (17 or newer) and nothing of Strongroom's.
//
//     strongroom key show acme | java Open.java clients.csv.sealed clients.csv
//
// Several keys may be given, one a line. The output file appears only if every byte has proven authentic.

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import javax.crypto.AEADBadTagException;
import javax.crypto.Cipher;
import javax.crypto.Mac;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.SecretKeySpec;

public class Open {
    static final int CHUNK = 16384, TAG = 16;
    static final long MAGIC = 0x8953524d0d0a1a0aL;

    /** Where sealed bytes come from: a file's part, or a stanza in memory. */
    interface Source {
        byte[] read(long at, int length) throws IOException;
    }

    record Header(byte[] prelude, byte[] contentKey, long body) {}

    static byte[] join(byte[]... parts) {
        int length = Arrays.stream(parts).mapToInt(part -> part.length).sum();
        ByteBuffer joined = ByteBuffer.allocate(length);
        for (byte[] part : parts) joined.put(part);
        return joined.array();
    }

    static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    static byte[] hmac(String hash, byte[] key, byte[]... parts) throws GeneralSecurityException {
        Mac mac = Mac.getInstance("Hmac" + hash);
        mac.init(new SecretKeySpec(key, "Hmac" + hash));
        return mac.doFinal(join(parts));
    }

    /** HKDF-Expand (RFC 5869 section 2.3), for at most 128 bytes. */
    static byte[] expand(byte[] key, byte[] info, int length) throws GeneralSecurityException {
        byte[] first = hmac("SHA512", key, info, new byte[] {1});
        return Arrays.copyOf(join(first, hmac("SHA512", key, first, info, new byte[] {2})), length);
    }

    /** A message whose commitment and final chunk have held: its key is the right one, and its length is proven. */
    static class Message {
        final Source source;
        final SecretKeySpec key;
        final byte[] nonce, last;
        final long count;

        Message(byte[] key, byte[] context, long length, Source source) throws IOException, GeneralSecurityException {
            int rest = (int) ((length - 56) % (CHUNK + TAG));
            if (length < 56 || rest < TAG) throw new IOException("was cut");
            byte[] label = ascii("c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0");
            byte[] okm = expand(key, join(label, source.read(0, 24), context), 76);
            if (!MessageDigest.isEqual(Arrays.copyOfRange(okm, 44, 76), source.read(24, 32))) {
                throw new IOException("is under another key");
            }
            this.source = source;
            this.key = new SecretKeySpec(okm, 0, 32, "AES");
            this.nonce = Arrays.copyOfRange(okm, 32, 44);
            this.count = (length - 56) / (CHUNK + TAG);
            this.last = chunk(count, rest);
        }

        /** Returns the plaintext of a chunk, and nothing of one whose tag does not hold. */
        byte[] chunk(long number, int size) throws IOException, GeneralSecurityException {
            ByteBuffer nonce = ByteBuffer.wrap(this.nonce.clone());
            nonce.putLong(4, nonce.getLong(4) ^ number);
            Cipher cipher = Cipher.getInstance("AES/GCM/NoPadding");
            cipher.init(Cipher.DECRYPT_MODE, key, new GCMParameterSpec(8 * TAG, nonce.array()));
            byte[] sealed = source.read(56 + number * (CHUNK + TAG), size);
            try {
                return cipher.doFinal(sealed);
            } catch (AEADBadTagException altered) {
                throw new IOException("was altered or cut");
            }
        }

        void write(OutputStream output) throws IOException, GeneralSecurityException {
            for (long number = 0; number < count; number++) output.write(chunk(number, CHUNK + TAG));
            output.write(last);
        }
    }

    /** Reads a header. Either of the two equal blocks will do. */
    static Header readHeader(long size, Source file, List<byte[]> fileKeys)
            throws IOException, GeneralSecurityException {
        String failure = "is not a sealed file";
        for (int offset = 0; offset <= Math.min(61440, size - 4096); offset += 4096) {
            ByteBuffer start = ByteBuffer.wrap(file.read(offset, 44));
            int length = start.getShort(10) & 0xffff;
            if (start.getLong(0) != MAGIC || offset != 0 && offset != length) continue;
            failure = "was altered or cut, or is of a newer format";
            // Version 1, suite 1, no flags: what else there is, this program does not know.
            boolean known = start.getShort(8) == 0x0101 && start.getInt(12) == 0;
            if (!known || length < 4096 || offset + length > size) continue;
            failure = "was sealed for a recipient's key, and not for a project";
            if (start.getInt(40) != 0x01000068) continue;
            failure = "opens with none of the keys given, or was altered";
            byte[] block = file.read(offset, length);
            byte[] prelude = Arrays.copyOf(block, 32), mac = Arrays.copyOfRange(block, length - 32, length);
            Source stanza = (at, count) -> Arrays.copyOfRange(block, 44 + (int) at, 44 + (int) at + count);
            for (byte[] fileKey : fileKeys) {
                byte[] contentKey;
                try {
                    byte[] context = join(ascii("strongroom/v1/content-key"), prelude);
                    contentKey = new Message(fileKey, context, 104, stanza).last;
                } catch (IOException | GeneralSecurityException another) {
                    continue;
                }
                byte[] macKey = expand(contentKey, ascii("strongroom/v1/header-mac"), 32);
                if (MessageDigest.isEqual(hmac("SHA256", macKey, Arrays.copyOf(block, length - 32)), mac)) {
                    return new Header(prelude, contentKey, 2L * length);
                }
            }
        }
        throw new IOException(failure);
    }

    static byte[] read(FileChannel file, long at, int length) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(length);
        while (bytes.hasRemaining()) {
            if (file.read(bytes, at + bytes.position()) < 0) throw new IOException("became shorter");
        }
        return bytes.array();
    }

    static void open(Path sealed, Path output, List<byte[]> fileKeys) throws IOException, GeneralSecurityException {
        try (FileChannel file = FileChannel.open(sealed)) {
            Header header = readHeader(file.size(), (at, length) -> read(file, at, length), fileKeys);
            long start = header.body();
            Source body = (at, length) -> read(file, start + at, length);
            Message message = new Message(header.contentKey(), header.prelude(), file.size() - start, body);
            // Such a file is readable by its owner alone.
            Path unfinished = Files.createTempFile(output.toAbsolutePath().getParent(), ".open-", null);
            try {
                try (OutputStream stream = Files.newOutputStream(unfinished)) {
                    message.write(stream);
                }
                Files.move(unfinished, output);
            } finally {
                Files.deleteIfExists(unfinished);
            }
        }
    }

    public static void main(String[] arguments) throws IOException {
        String keys = new String(System.in.readAllBytes(), StandardCharsets.US_ASCII);
        try {
            open(Path.of(arguments[0]), Path.of(arguments[1]), keys.lines().map(Base64.getDecoder()::decode).toList());
        } catch (IOException | GeneralSecurityException error) {
            System.err.println(arguments[0] + ": " + error.getMessage());
            System.exit(1);
        }
    }
}
