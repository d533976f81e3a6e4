-- Wireshark and tshark dissector of CPNS messages (models/cpns/README.md says what is on the wire).
-- Frames in TLS application data, in plain TCP and in UDP datagrams; XML and CBOR. Needs
-- cpns_table.lua beside it. Usage: README.md of this folder.

local table_of = dofile((__DIR__ and __DIR__ ~= "" and __DIR__ .. package.config:sub(1, 1) or "") .. "cpns_table.lua")

local HEADER = 5
local MAX_FRAME = 1048576
local XML, CBOR = 1, 2

local cpns = Proto("cpns", "OMA CPNS message (cpnsim)")

-- Filter names: the envelope's short ones by hand, the others from the field's name.
local short = {
    TransactionID = "transaction",
    OriginEntityID = "origin",
    TargetID = "target",
    PNID = "pn",
    SGID = "sg",
}

local function filter_name(name)
    local snake = name:gsub("(%l)(%u)", "%1_%2"):gsub("(%u)(%u%l)", "%1_%2")
    return "cpns." .. (short[name] or snake:lower())
end

local encodings = {[0] = "none (session confirmed)", [XML] = "XML", [CBOR] = "CBOR"}
local f_length = ProtoField.uint32("cpns.length", "Length")
local f_encoding = ProtoField.uint8("cpns.encoding", "Encoding", base.DEC, encodings)
local f_confirmed = ProtoField.bool("cpns.confirmed", "Session confirmed")
local f_type = ProtoField.string("cpns.type", "Message type")
local protofields = {f_length, f_encoding, f_confirmed, f_type}

-- Fields by CBOR key and by XML name, each with its ProtoField.
local by_name = {}
for _, field in pairs(table_of.fields) do
    local name = filter_name(field.name)
    if field.kind == "integer" then
        field.proto = ProtoField.uint64(name, field.name)
    elseif field.kind == "bytes" then
        field.proto = ProtoField.bytes(name, field.name)
    else
        field.proto = ProtoField.string(name, field.name)
    end
    by_name[field.name] = field
    protofields[#protofields + 1] = field.proto
end
cpns.fields = protofields

local e_malformed = ProtoExpert.new("cpns.malformed", "Malformed CPNS message", expert.group.MALFORMED,
    expert.severity.ERROR)
cpns.experts = {e_malformed}

-- What the info column tells of a message, gathered while its fields are added.
local function note(info, field, value)
    if field.name == "OriginEntityID" then
        info.origin = value
    elseif field.name == "TargetID" then
        info.target = value
    elseif field.name == "TransactionID" then
        info.transaction = tostring(value)
    elseif field.name == "Status" then
        info.status = tostring(value)
    end
end

-- The last group of an urn:uuid is enough to tell entities apart by eye.
local function brief(urn)
    return urn and urn:match("(%x+)$") or "?"
end

local function info_text(info)
    local text = string.format("%s %s -> %s", info.type or "?", brief(info.origin), brief(info.target))
    if info.transaction then
        text = text .. " transaction " .. info.transaction
    end
    if info.status then
        text = text .. " status " .. info.status
    end
    return text
end

-- XML ---------------------------------------------------------------------------------------------

local function utf8(code)
    if code < 0x80 then
        return string.char(code)
    end
    local tail = {}
    local first = 0x40
    while code >= first do
        table.insert(tail, 1, string.char(0x80 + code % 64))
        code = math.floor(code / 64)
        first = first == 0x40 and 0x20 or first / 2
    end
    local lead = {0xc0, 0xe0, 0xf0}
    return string.char(lead[#tail] + code) .. table.concat(tail)
end

local named = {lt = "<", gt = ">", amp = "&", quot = '"', apos = "'"}

local function unescape(text)
    text = text:gsub("&#x(%x+);", function(hex) return utf8(tonumber(hex, 16)) end)
    text = text:gsub("&#(%d+);", function(decimal) return utf8(tonumber(decimal)) end)
    return (text:gsub("&(%a+);", named))
end

-- A number beyond 2^53 keeps its digits only as a UInt64.
local function to_uint64(digits)
    local value = UInt64(0)
    for digit in digits:gmatch("%d") do
        value = value * 10 + tonumber(digit)
    end
    return value
end

local function add_base64(tree, field, range, text)
    local bytes = #text > 0 and ByteArray.new(text, true):base64_decode() or nil
    if bytes and bytes:len() > 0 then
        tree:add(field.proto, bytes:tvb(field.name)())
    else
        tree:add(field.proto, range)
    end
end

local function add_xml_field(tree, info, field, range, text)
    if field.kind == "integer" then
        local value = to_uint64(text)
        tree:add(field.proto, range, value)
        note(info, field, value)
    elseif field.kind == "bytes" then
        add_base64(tree, field, range, text)
    else
        local value = unescape(text)
        tree:add(field.proto, range, value)
        note(info, field, value)
    end
end

local function dissect_xml(tvb, tree, info)
    local text = tvb:raw()
    local _, at = text:find("<CPNS[^>]*>")
    if not at then
        return "no CPNS element"
    end
    at = at + 1
    while not text:find("^%s*</CPNS>%s*$", at) do
        local start, name, rest = text:match("^%s*()<(%a+)(/?>)", at)
        if not start then
            return "no element where one is due"
        end
        local from = start + 1 + #name + #rest
        local to = rest == ">" and text:find("</" .. name .. ">", from, true) or from
        if not to then
            return "element " .. name .. " is not closed"
        end
        local range = to > from and tvb(from - 1, to - from) or tvb(start - 1, from - start)
        local content = text:sub(from, to - 1)
        local field = by_name[name]
        if name == "MsgType" then
            info.type = content
            tree:add(f_type, range, content)
        elseif field then
            add_xml_field(tree, info, field, range, content)
        else
            return "unknown element " .. name
        end
        at = rest == ">" and to + #name + 3 or to
    end
end

-- CBOR --------------------------------------------------------------------------------------------

-- Major type, argument (a number, or a UInt64 of 8 octets) and the offset behind the head.
local function cbor_head(tvb, at)
    local first = tvb(at, 1):uint()
    local major, short_form = math.floor(first / 32), first % 32
    if short_form < 24 then
        return major, short_form, at + 1
    elseif short_form == 24 then
        return major, tvb(at + 1, 1):uint(), at + 2
    elseif short_form == 25 then
        return major, tvb(at + 1, 2):uint(), at + 3
    elseif short_form == 26 then
        return major, tvb(at + 1, 4):uint(), at + 5
    elseif short_form == 27 then
        return major, tvb(at + 1, 8):uint64(), at + 9
    end
    error("indefinite or reserved CBOR head")
end

local function cbor_string(tvb, at, wanted)
    local major, len, from = cbor_head(tvb, at)
    if major ~= wanted or type(len) ~= "number" then
        error("unexpected CBOR item")
    end
    return from, len
end

local function add_cbor_text(tree, info, field, tvb, at)
    local from, len = cbor_string(tvb, at, 3)
    local value = len > 0 and tvb(from, len):raw() or ""
    tree:add(field.proto, tvb(at, from + len - at), value)
    note(info, field, value)
    return from + len
end

local function add_cbor_value(tree, info, field, tvb, at)
    if field.kind == "text" then
        return add_cbor_text(tree, info, field, tvb, at)
    elseif field.kind == "bytes" then
        local from, len = cbor_string(tvb, at, 2)
        tree:add(field.proto, len > 0 and tvb(from, len) or tvb(at, from - at))
        return from + len
    end
    local major, value, from = cbor_head(tvb, at)
    if field.kind == "integer" then
        if major ~= 0 then
            error("unexpected CBOR item")
        end
        value = type(value) == "number" and UInt64(value) or value
        tree:add(field.proto, tvb(at, from - at), value)
        note(info, field, value)
        return from
    end
    if major ~= 4 or type(value) ~= "number" then
        error("unexpected CBOR item")
    end
    for _ = 1, value do
        from = add_cbor_text(tree, info, field, tvb, from)
    end
    return from
end

local function dissect_cbor(tvb, tree, info)
    local major, count, at = cbor_head(tvb, 0)
    if major ~= 5 or type(count) ~= "number" then
        return "not a CBOR map"
    end
    for _ = 1, count do
        local key_major, key, value_at = cbor_head(tvb, at)
        local field = key_major == 0 and table_of.fields[key]
        if key_major == 0 and key == 0 then
            local _, code, after = cbor_head(tvb, value_at)
            info.type = table_of.types[code] or ("unknown type " .. tostring(code))
            tree:add(f_type, tvb(value_at, after - value_at), info.type)
            at = after
        elseif field then
            at = add_cbor_value(tree, info, field, tvb, value_at)
        else
            return "unknown key"
        end
    end
    if at ~= tvb:len() then
        return "octets after the message"
    end
end

-- Frames ------------------------------------------------------------------------------------------

local function tell(pinfo, text)
    -- One packet may carry several frames, even in several TLS records: add to what is told already.
    pinfo.cols.protocol = "CPNS"
    if pinfo.private["cpns"] then
        pinfo.cols.info:append("; " .. text)
    else
        pinfo.cols.info:set(text)
        pinfo.private["cpns"] = "told"
    end
    pinfo.cols.info:fence()
end

local function dissect_message(tvb, tree, encoding, info)
    if encoding == XML then
        return dissect_xml(tvb, tree, info)
    elseif encoding == CBOR then
        return dissect_cbor(tvb, tree, info)
    end
    return "unknown encoding"
end

local function dissect_frame(frame, pinfo, root)
    local tree = root:add(cpns, frame())
    local len, encoding = frame(0, 4):uint(), frame(4, 1):uint()
    tree:add(f_length, frame(0, 4))
    tree:add(f_encoding, frame(4, 1))
    if len == 0 and encoding <= 1 then
        local text = encoding == 0 and "session confirmed" or "session confirmed again"
        tree:add(f_confirmed, frame(0, HEADER), true)
        tree:append_text(": " .. text)
        tell(pinfo, text)
        return
    end
    local info = {}
    local fault = "empty message"
    if len > 0 then
        local ok, result = pcall(dissect_message, frame(HEADER, len):tvb(), tree, encoding, info)
        fault = result
        if not ok then
            fault = "truncated or not as expected (" .. tostring(result) .. ")"
        end
    end
    if fault then
        tree:add_proto_expert_info(e_malformed, "Malformed CPNS message: " .. fault)
    end
    tree:append_text(": " .. (info.type or "?"))
    tell(pinfo, info_text(info) .. (fault and " [malformed]" or ""))
end

-- All frames of a segment or datagram; an incomplete one asks the transport for the rest.
local function dissect_frames(tvb, pinfo, root)
    local at = 0
    while at < tvb:len() do
        local left = tvb:len() - at
        local len = left >= HEADER and tvb(at, 4):uint() or nil
        if len and len > MAX_FRAME then
            root:add(cpns, tvb(at)):add_proto_expert_info(e_malformed, "Frame beyond 1 MiB")
            return
        end
        if not len or left < HEADER + len then
            if pinfo.can_desegment > 0 then
                pinfo.desegment_offset = at
                pinfo.desegment_len = len and HEADER + len - left or DESEGMENT_ONE_MORE_SEGMENT
            else
                root:add(cpns, tvb(at)):add_proto_expert_info(e_malformed, "Frame cut short")
                tell(pinfo, "frame cut short")
            end
            return
        end
        dissect_frame(tvb(at, HEADER + len):tvb(), pinfo, root)
        at = at + HEADER + len
    end
end

-- A frame's first octet is 0, because its length is below 2^24; a TLS record's is 20 to 24.
local function is_tls_record(tvb)
    local first = tvb(0, 1):uint()
    return first >= 20 and first <= 24 and (tvb:len() < 2 or tvb(1, 1):uint() == 3)
end

function cpns.dissector(tvb, pinfo, root)
    if tvb:len() == 0 then
        return 0
    end
    if is_tls_record(tvb) then
        -- Each dissector on the way counts this down from 2 to 0; TLS must still get its 1.
        if pinfo.can_desegment > 0 then
            pinfo.can_desegment = 2
        end
        return Dissector.get("tls"):call(tvb, pinfo, root)
    end
    dissect_frames(tvb, pinfo, root)
    return tvb:len()
end

-- Connections on other ports, one way, that carried frames: the rest of a record too short for a
-- header is then the beginning of one.
local carried = {}

function cpns.init()
    carried = {}
end

local function connection(pinfo)
    return string.format("%s %d %s %d", pinfo.src, pinfo.src_port, pinfo.dst, pinfo.dst_port)
end

-- Decrypted application data on other ports: a whole header whose encoding fits what follows.
local function looks_like_cpns(tvb, pinfo, root)
    if is_tls_record(tvb) then
        return false
    end
    if tvb:len() < HEADER then
        local more = carried[connection(pinfo)] or false
        if more then
            dissect_frames(tvb, pinfo, root)
        end
        return more
    end
    local len, encoding = tvb(0, 4):uint(), tvb(4, 1):uint()
    local next_octet = tvb:len() > HEADER and tvb(HEADER, 1):uint() or nil
    local fits = len == 0 and encoding == 0
        or len > 0 and len <= MAX_FRAME and encoding == XML and next_octet == 0x3c
        or len > 0 and len <= MAX_FRAME and encoding == CBOR and next_octet and math.floor(next_octet / 32) == 5
    if fits then
        carried[connection(pinfo)] = true
        dissect_frames(tvb, pinfo, root)
    end
    return fits
end

-- A record of DTLS (sim/secure/dtls_pieces.h): 0 and a whole frame, or 1 and a piece of one: number
-- of the message (4 octets), index (2) and count (2) of its pieces. A message that is complete is
-- shown with the piece that came last.
local piece = Proto("cpns_piece", "CPNS in DTLS")
local f_number = ProtoField.uint32("cpns.piece.number", "Message in pieces")
local f_index = ProtoField.uint16("cpns.piece.index", "Piece")
local f_count = ProtoField.uint16("cpns.piece.count", "Pieces")
piece.fields = {f_number, f_index, f_count}
local PIECE_HEADER = 9
local pieces, completed = {}, {}

function piece.init()
    pieces, completed = {}, {}
end

local function whole_message(tvb, pinfo, number, index, count)
    local key = connection(pinfo) .. " " .. number
    local at = pinfo.number .. " " .. key
    if not pinfo.visited then
        local message = pieces[key] or {have = 0}
        pieces[key] = message
        message.have = message.have + (message[index] and 0 or 1)
        message[index] = tvb(PIECE_HEADER):bytes()
        if message.have == count then
            local all = ByteArray.new()
            for i = 0, count - 1 do
                all:append(message[i])
            end
            pieces[key] = nil
            completed[at] = all
        end
    end
    return completed[at]
end

function piece.dissector(tvb, pinfo, root)
    local kind = tvb:len() > 0 and tvb(0, 1):uint()
    if kind == 0 then
        dissect_frames(tvb(1):tvb(), pinfo, root)
    elseif kind == 1 and tvb:len() > PIECE_HEADER then
        local number, index, count = tvb(1, 4):uint(), tvb(5, 2):uint(), tvb(7, 2):uint()
        local tree = root:add(piece, tvb())
        tree:add(f_number, tvb(1, 4))
        tree:add(f_index, tvb(5, 2))
        tree:add(f_count, tvb(7, 2))
        local message = whole_message(tvb, pinfo, number, index, count)
        if message then
            dissect_frames(message:tvb("CPNS message in pieces"), pinfo, root)
        else
            tell(pinfo, string.format("piece %d of %d of message %d", index + 1, count, number))
        end
    end
    return tvb:len()
end

cpns:register_heuristic("tls", looks_like_cpns)
DissectorTable.get("tls.port"):add(table_of.port, cpns)
DissectorTable.get("udp.port"):add(table_of.dtls_port, Dissector.get("dtls"))
DissectorTable.get("dtls.port"):add(table_of.dtls_port, piece)
DissectorTable.get("tcp.port"):add(table_of.port, cpns)
DissectorTable.get("udp.port"):add(table_of.port, cpns)
