{
  "targets": [
    {
      "target_name": "brunel_io",
      "sources": [
        "native/addon.cc",
        "native/aead.cc",
        "native/buffer_calls.cc",
        "native/checksum.cc",
        "native/coalesce.cc",
        "native/error_queue.cc",
        "native/frame.cc",
        "native/pump_calls.cc",
        "native/receive.cc",
        "native/send.cc",
        "native/sockets.cc",
        "native/split.cc",
        "native/tun.cc",
        "native/tun_read.cc",
        "native/tun_write.cc",
        "native/wait.cc"
      ],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
      "defines": ["NAPI_VERSION=8", "NAPI_DISABLE_CPP_EXCEPTIONS"],
      "cflags!": ["-O2", "-fno-exceptions"],
      "cflags": ["-O3", "-Wall", "-Wextra"],
      "cflags_cc!": ["-std=gnu++17", "-std=gnu++20"],
      "cflags_cc": ["-std=gnu++20", "-fno-exceptions", "-fno-rtti"]
    }
  ]
}
