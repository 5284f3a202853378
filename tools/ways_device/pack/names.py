"""Names that cost a board nothing, and names that are not ours to change."""


def _words(text: str) -> list[str]:
    return text.split()


# Every MicroPython that reads bytecode of version 6 has these: the format counts on it.
# Source: the MicroPython sources, py/makeqstrdata.py, static_qstr_list.
STATIC = _words(
    """
    abs all any append args bool builtins bytearray bytecode bytes callable chr classmethod
    clear close const copy count dict dir divmod end endswith eval exec extend find format
    from_bytes get getattr globals hasattr hash id index insert int isalpha isdigit isinstance
    islower isspace issubclass isupper items iter join key keys len list little locals lower
    lstrip main map micropython next object open ord pop popitem pow print range read readinto
    readline remove replace repr reverse rfind rindex round rsplit rstrip self send sep set
    setattr setdefault sort sorted split start startswith staticmethod step stop str strip sum
    super throw to_bytes tuple type update upper value values write zip
    """
)
# Modules and functions that every stock image for an ESP32 has built in or frozen. One that an
# image lacks is kept in RAM as any other name.
STOCK = _words(
    """
    accept active argv binascii bind calcsize cancel chdir choice collect connect cos crc32
    create_task datetime deepsleep disable dumps enable errno errorcode event exit exp feed
    flush gather gc get_event_loop getaddrinfo getcwd getrandbits gmtime hexlify ilistdir init
    io isconnected json listdir listen loads localtime log machine makefile math mem_alloc
    mem_free mkdir mktime modules mount name network pack pack_into path pi pin poll platform
    publish randint random randrange recv recvfrom register rename rmdir seed seek select
    sendto setblocking setsockopt settimeout sin sleep sleep_ms sleep_us socket sqrt stat
    statvfs status struct sys tan tell threshold ticks_add ticks_diff ticks_ms ticks_us time
    uname unhexlify unlink unpack unpack_from urandom version wait wait_for wait_for_ms
    """
)
# Attributes of umqtt.simple's client, of any version, which the session is one of.
UMQTT = frozenset(
    _words(
        """
        cb check_msg client_id connect disconnect keepalive lw_msg lw_qos lw_retain lw_topic
        pid ping port pswd publish server set_callback set_last_will sock ssl ssl_params
        subscribe user wait_msg
        """
    )
)
# Attributes of what the interpreter and the chip give us, as far as the agent could meet them.
# An attribute of ours that is called so too keeps its name: nothing tells them apart. Members of
# imported modules need no place here: those are found in the sources.
FOREIGN = UMQTT | frozenset(
    _words(
        """
        OUT active append args argv atten buffering cancel capitalize center clear close config
        copy coro count country data datetime decode deepsleep difference done drain encode end
        endswith errno exists extend fetch fileno find flush format fromkeys get get_blob
        get_extra_info get_i32 getpeercert getvalue group hex hostname humidity ifconfig
        implementation index info init insert intersection irq isalpha isconnected isdigit
        isdisjoint islower isspace issubset isupper items join key keys listen load_cert_chain
        load_verify_locations locked lower lstrip match measure memory message mode mount name
        namespace next off on open pack partition ph_key pin poll pop popitem popleft push read
        read_u16 read_uv readable readall readexactly readinto readline readlines register
        release remove replace reset reverse rfind rindex rpartition rsplit rstrip run scan
        seek select send sendall sendto set set_blob set_i32 setblocking setdefault setsockopt
        settimeout shape size sleep_ms sort span split splitlines start startswith state status
        stop strip symmetric_difference tell temperature throw title toggle truncate union
        unpack unregister update upper value values verify_mode wait wrap_socket writable write
        writelines
        """
    )
)
# What the author of a sensor file may use or has to provide, and what a host reads.
PUBLIC = frozenset(
    _words(
        """
        adc_mv chip_temperature_c data_type decimals generation i2c key model nvs open pin points
        read_into readfrom readfrom_into readfrom_mem readfrom_mem_into reset root scan set
        unique_id unit writeto writeto_mem
        """
    )
)
