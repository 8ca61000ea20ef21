// Seals and opens ESP packets with OpenSSL's EVP, which node exports. The contexts keep the key schedule of an SA, so
// that a packet costs a nonce and its octets. An SA is used by one thread: that of its direction.
#include "packet_io.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

namespace brunel {

constexpr int ESP_HEADER = 8;   // SPI and sequence number, RFC 4303 §2
constexpr int AEAD_IV = 8;      // RFC 4106 §3.1, RFC 7634 §2; RFC 8750 §4: 0 on the wire where it is implicit
constexpr int CBC_IV = 16;      // RFC 3602 §3
constexpr int CBC_BLOCK = 16;
constexpr size_t SALT = 4;      // RFC 4106 §4, RFC 7634 §2

struct Sa {
  int cipher = 0;
  int icv = 0;
  int front = ESP_HEADER + AEAD_IV;  // of an AEAD: where the text begins
  bool esn = false;
  uint8_t salt[SALT] = {};
  EVP_CIPHER_CTX* seal = nullptr;
  EVP_CIPHER_CTX* open = nullptr;
  EVP_MAC_CTX* mac = nullptr;
  // Random octets for CBC, drawn many at a time: a draw costs more than a packet's cipher. Made when one is sealed.
  std::vector<uint8_t> pool;
  size_t poolUsed = 0;
};

namespace {

const EVP_CIPHER* cipherFor(int cipher, size_t keyLength) {
  if (cipher == CIPHER_CHACHA) return keyLength == 32 ? EVP_chacha20_poly1305() : nullptr;
  const bool gcm = cipher == CIPHER_GCM;
  switch (keyLength) {
    case 16: return gcm ? EVP_aes_128_gcm() : EVP_aes_128_cbc();
    case 24: return gcm ? EVP_aes_192_gcm() : EVP_aes_192_cbc();
    case 32: return gcm ? EVP_aes_256_gcm() : EVP_aes_256_cbc();
    default: return nullptr;
  }
}

EVP_CIPHER_CTX* newContext(const EVP_CIPHER* cipher, const uint8_t* key, bool encrypt) {
  EVP_CIPHER_CTX* c = EVP_CIPHER_CTX_new();
  if (c != nullptr && EVP_CipherInit_ex(c, cipher, nullptr, key, nullptr, encrypt ? 1 : 0) == 1) {
    EVP_CIPHER_CTX_set_padding(c, 0);  // ESP has its own, RFC 4303 §2.4
    return c;
  }
  EVP_CIPHER_CTX_free(c);
  return nullptr;
}

EVP_MAC_CTX* newMac(int mac, const uint8_t* key, size_t keyLength) {
  const char* names[] = {"", "SHA2-256", "SHA2-384", "SHA2-512"};
  EVP_MAC* hmac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  EVP_MAC_CTX* c = hmac != nullptr ? EVP_MAC_CTX_new(hmac) : nullptr;
  EVP_MAC_free(hmac);
  if (c == nullptr) return nullptr;
  const OSSL_PARAM params[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, const_cast<char*>(names[mac]), 0),
      OSSL_PARAM_construct_end()};
  if (EVP_MAC_init(c, key, keyLength, params) == 1) return c;
  EVP_MAC_CTX_free(c);
  return nullptr;
}

/** SPI and sequence number; with ESN its high half between them, RFC 4106 §5, RFC 7634 §2.1. */
int additionalData(const Sa* sa, const uint8_t* packet, uint32_t seqHigh, uint8_t* into) {
  if (!sa->esn) {
    memcpy(into, packet, ESP_HEADER);
    return ESP_HEADER;
  }
  memcpy(into, packet, 4);
  put32(into + 4, seqHigh);
  memcpy(into + 8, packet + 4, 4);
  return 12;
}

/** Nonce and additional data into the context. */
bool start(const Sa* sa, EVP_CIPHER_CTX* c, const uint8_t* packet, uint32_t seqHigh) {
  uint8_t nonce[SALT + AEAD_IV], aad[12];
  memcpy(nonce, sa->salt, SALT);
  if (sa->front != ESP_HEADER) {
    memcpy(nonce + SALT, packet + ESP_HEADER, AEAD_IV);
  } else {  // RFC 8750 §4: the sequence number, behind zero or, with ESN, its high half
    put32(nonce + SALT, sa->esn ? seqHigh : 0);
    memcpy(nonce + SALT + 4, packet + 4, 4);
  }
  const int aadLength = additionalData(sa, packet, seqHigh, aad);
  int n;
  return EVP_CipherInit_ex(c, nullptr, nullptr, nullptr, nonce, -1) == 1 &&
         EVP_CipherUpdate(c, nullptr, &n, aad, aadLength) == 1;
}

OSSL_PARAM tagParam(uint8_t* tag, int n) {
  return OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, tag, static_cast<size_t>(n));
}

bool sealAead(Sa* sa, uint8_t* packet, int length, uint32_t seqHigh) {
  uint8_t* text = packet + sa->front;
  const int textLength = length - sa->front - sa->icv;
  if (textLength <= 0 || !start(sa, sa->seal, packet, seqHigh)) return false;
  int n;
  if (EVP_EncryptUpdate(sa->seal, text, &n, text, textLength) != 1) return false;
  if (EVP_EncryptFinal_ex(sa->seal, text + n, &n) != 1) return false;
  OSSL_PARAM params[] = {tagParam(text + textLength, sa->icv), OSSL_PARAM_construct_end()};
  return EVP_CIPHER_CTX_get_params(sa->seal, params) == 1;
}

bool openAead(Sa* sa, uint8_t* packet, int length, uint32_t seqHigh) {
  uint8_t* text = packet + sa->front;
  const int textLength = length - sa->front - sa->icv;
  if (textLength <= 0 || !start(sa, sa->open, packet, seqHigh)) return false;
  OSSL_PARAM params[] = {tagParam(text + textLength, sa->icv), OSSL_PARAM_construct_end()};
  int n;
  return EVP_CIPHER_CTX_set_params(sa->open, params) == 1 &&
         EVP_DecryptUpdate(sa->open, text, &n, text, textLength) == 1 &&
         EVP_DecryptFinal_ex(sa->open, text + n, &n) == 1;
}

/** HMAC over the packet and, with ESN, the high half of the sequence number behind it (RFC 4303 §2.2.1). */
bool hmac(Sa* sa, const uint8_t* packet, int length, uint32_t seqHigh, uint8_t* into) {
  uint8_t high[4];
  put32(high, seqHigh);
  size_t n = 0;
  return EVP_MAC_init(sa->mac, nullptr, 0, nullptr) == 1 &&
         EVP_MAC_update(sa->mac, packet, static_cast<size_t>(length)) == 1 &&
         (!sa->esn || EVP_MAC_update(sa->mac, high, 4) == 1) && EVP_MAC_final(sa->mac, into, &n, EVP_MAX_MD_SIZE) == 1;
}

/** RFC 3602 §3: the IV is unpredictable for every packet. */
bool drawIv(Sa* sa, uint8_t* into) {
  if (sa->poolUsed + CBC_IV > sa->pool.size()) {
    sa->pool.resize(CBC_IV * 64);
    if (RAND_bytes(sa->pool.data(), CBC_IV * 64) != 1) {
      sa->pool.clear();
      return false;
    }
    sa->poolUsed = 0;
  }
  memcpy(into, sa->pool.data() + sa->poolUsed, CBC_IV);
  OPENSSL_cleanse(sa->pool.data() + sa->poolUsed, CBC_IV);
  sa->poolUsed += CBC_IV;
  return true;
}

bool runCbc(EVP_CIPHER_CTX* c, uint8_t* iv, int textLength) {
  int n;
  return EVP_CipherInit_ex(c, nullptr, nullptr, nullptr, iv, -1) == 1 &&
         EVP_CipherUpdate(c, iv + CBC_IV, &n, iv + CBC_IV, textLength) == 1 && n == textLength;
}

int cbcTextLength(const Sa* sa, int length) {
  const int n = length - ESP_HEADER - CBC_IV - sa->icv;
  return n > 0 && n % CBC_BLOCK == 0 ? n : -1;
}

bool sealCbc(Sa* sa, uint8_t* packet, int length, uint32_t seqHigh) {
  const int textLength = cbcTextLength(sa, length);
  if (textLength < 0 || !drawIv(sa, packet + ESP_HEADER)) return false;
  if (!runCbc(sa->seal, packet + ESP_HEADER, textLength)) return false;
  uint8_t digest[EVP_MAX_MD_SIZE];
  if (!hmac(sa, packet, length - sa->icv, seqHigh, digest)) return false;
  memcpy(packet + length - sa->icv, digest, static_cast<size_t>(sa->icv));
  return true;
}

/** The ICV first, in constant time; nothing is decrypted that is not authentic (RFC 4303 §3.4.4.1). */
bool openCbc(Sa* sa, uint8_t* packet, int length, uint32_t seqHigh) {
  const int textLength = cbcTextLength(sa, length);
  uint8_t digest[EVP_MAX_MD_SIZE];
  if (textLength < 0 || !hmac(sa, packet, length - sa->icv, seqHigh, digest)) return false;
  if (CRYPTO_memcmp(digest, packet + length - sa->icv, static_cast<size_t>(sa->icv)) != 0) return false;
  return runCbc(sa->open, packet + ESP_HEADER, textLength);
}

bool icvFits(int cipher, int mac, int icv) {
  if (cipher == CIPHER_GCM) return mac == MAC_NONE && (icv == 8 || icv == 12 || icv == 16);  // RFC 4106 §6
  if (cipher == CIPHER_CHACHA) return mac == MAC_NONE && icv == 16;                          // RFC 7634 §2.1
  return (mac == MAC_SHA256 && icv == 16) || (mac == MAC_SHA384 && icv == 24) || (mac == MAC_SHA512 && icv == 32);
}

}  // namespace

Sa* newSa(int cipher, const uint8_t* key, size_t keyLength, int mac, const uint8_t* macKey, size_t macKeyLength,
          int icvLength, bool esn, bool implicitIv) {
  const size_t salt = cipher == CIPHER_CBC ? 0 : SALT;
  if (cipher < CIPHER_GCM || cipher > CIPHER_CBC || mac < MAC_NONE || mac > MAC_SHA512) return nullptr;
  if (!icvFits(cipher, mac, icvLength) || keyLength <= salt) return nullptr;
  if (implicitIv && cipher == CIPHER_CBC) return nullptr;  // RFC 8750 §1: its IV must be unpredictable
  // RFC 4868 §2.1.1: the HMAC key is as long as the hash.
  if (mac != MAC_NONE && macKeyLength != static_cast<size_t>(icvLength) * 2) return nullptr;
  const EVP_CIPHER* evp = cipherFor(cipher, keyLength - salt);
  if (evp == nullptr) return nullptr;
  Sa* sa = new Sa;
  sa->cipher = cipher;
  sa->icv = icvLength;
  sa->esn = esn;
  if (implicitIv) sa->front = ESP_HEADER;
  memcpy(sa->salt, key + keyLength - salt, salt);
  sa->seal = newContext(evp, key, true);
  sa->open = newContext(evp, key, false);
  if (mac != MAC_NONE) sa->mac = newMac(mac, macKey, macKeyLength);
  if (sa->seal != nullptr && sa->open != nullptr && (mac == MAC_NONE || sa->mac != nullptr)) return sa;
  freeSa(sa);
  return nullptr;
}

void freeSa(Sa* sa) {
  EVP_CIPHER_CTX_free(sa->seal);  // these wipe what they hold
  EVP_CIPHER_CTX_free(sa->open);
  EVP_MAC_CTX_free(sa->mac);
  OPENSSL_cleanse(sa->pool.data(), sa->pool.size());
  std::vector<uint8_t>().swap(sa->pool);
  OPENSSL_cleanse(static_cast<void*>(sa), sizeof *sa);
  delete sa;
}

bool sealPacket(Sa* sa, uint8_t* packet, int length, uint32_t seqHigh) {
  return sa->cipher == CIPHER_CBC ? sealCbc(sa, packet, length, seqHigh) : sealAead(sa, packet, length, seqHigh);
}

bool openPacket(Sa* sa, uint8_t* packet, int length, uint32_t seqHigh) {
  const bool good =
      sa->cipher == CIPHER_CBC ? openCbc(sa, packet, length, seqHigh) : openAead(sa, packet, length, seqHigh);
  if (!good) ERR_clear_error();  // a flood of forgeries must not fill OpenSSL's queue
  return good;
}

}  // namespace brunel
