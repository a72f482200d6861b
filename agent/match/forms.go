package match

import (
	"slices"
	"strings"
	"sync"
)

// form is a legal form of companies. Its spellings are equal; two forms never are, not even translations of each other:
// a 株式会社 and an Inc. of one name are a subsidiary and its parent.
type form struct {
	id     string
	ends   string // spellings that stand last, separated by "|", as words
	begins string // spellings that stand first
	// joiners are short words for "and" in the language of the form, which mean something else in others.
	joiners string
	// words are spellings that are words of daily life too when they are written without dots.
	words string
}

// table is the legal forms of the world, as far as they stand in the names of customers. Words for a branch, a group, a
// holding, a country, a charity or a school are not in it: they tell companies apart.
var table = []form{
	{id: "inc", ends: "inc|incorporated|incorporation"},
	{id: "corp", ends: "corp|corporation"},
	{id: "co", ends: "co|company", words: "company"},
	{id: "ltd", ends: "ltd|limited|लिमिटेड"},
	{id: "coltd", ends: "co ltd|company limited|company ltd|co limited|coltd"},
	{id: "plc", ends: "plc|public limited company"},
	{id: "llc", ends: "llc|limited liability company|limited liability co"},
	{id: "llp", ends: "llp|limited liability partnership"},
	{id: "lp", ends: "lp|limited partnership"},
	{id: "ptyltd", ends: "pty ltd|proprietary limited|pty limited|proprietary ltd"},
	{id: "pvtltd", ends: "pvt ltd|private limited|p ltd|pvt limited|private ltd|प्राइवेट लिमिटेड|प्रा लि"},
	{id: "pteltd", ends: "pte ltd|pte limited"},
	{id: "sdnbhd", ends: "sdn bhd|sendirian berhad"},
	{id: "bhd", ends: "bhd|berhad"},
	{id: "pt", begins: "pt|perseroan terbatas", joiners: "dan"},
	{id: "tbk", ends: "tbk"},
	{id: "fzco", ends: "fzco|fz co|م م ح"},
	{id: "fzllc", ends: "fz llc|fzllc"},

	{id: "gmbh", ends: "gmbh|ges m b h|gesmbh|gesellschaft mit beschränkter haftung"},
	{id: "mbh", ends: "mbh"},
	{id: "gmbhco", ends: "gmbh & co kg|gmbh und co kg|gmbh u co kg|gmbh co kg"},
	{id: "gmbhcokgaa", ends: "gmbh & co kgaa"},
	{id: "gmbhcoohg", ends: "gmbh & co ohg"},
	{id: "agco", ends: "ag & co kg|ag und co kg|ag u co kg"},
	{id: "ug", ends: "ug|ug haftungsbeschränkt|unternehmergesellschaft haftungsbeschränkt|unternehmergesellschaft"},
	{id: "ag", ends: "ag|aktiengesellschaft"},
	{id: "kg", ends: "kg|kommanditgesellschaft"},
	{id: "kgaa", ends: "kgaa"},
	{id: "ohg", ends: "ohg|offene handelsgesellschaft"},
	{id: "gbr", ends: "gbr"},
	{id: "ek", ends: "e k|e kfm|e kfr"},
	{id: "ev", ends: "e v", words: "ev"},
	{id: "eg", ends: "e g|eingetragene genossenschaft", words: "eg"},
	{id: "se", ends: "se|societas europaea"},

	{id: "spa", ends: "s p a|società per azioni", joiners: "e ed", words: "spa"},
	{id: "srl", ends: "s r l|società a responsabilità limitata|sociedad de responsabilidad limitada", joiners: "e ed y"},
	{id: "srls", ends: "s r l s", joiners: "e ed"},
	{id: "srlu", ends: "s r l unipersonale|s r l u", joiners: "e ed"},
	{id: "snc", ends: "s n c|società in nome collettivo", joiners: "e ed"},
	{id: "sas", ends: "s a s|società in accomandita semplice|société par actions simplifiée", joiners: "e ed y"},
	{id: "scarl", ends: "s c a r l|s c r l", joiners: "e ed"},
	{id: "sapa", ends: "s a p a", joiners: "e ed"},
	{id: "sasu", ends: "sasu"},
	{id: "sarl", ends: "s a r l|sàrl|société à responsabilité limitée", begins: "sarl"},
	{id: "eurl", ends: "eurl"},
	{id: "sa", ends: "s a|société anonyme|sociedad anónima|sociedade anônima|sociedade anónima|spółka akcyjna", joiners: "e y i"},
	{id: "sau", ends: "s a u", joiners: "y i"},
	{id: "sadecv", ends: "s a de c v|s a b de c v|sociedad anónima de capital variable", joiners: "y e"},
	{id: "sderldecv", ends: "s de r l de c v|s de r l", joiners: "y e"},
	{id: "sapidecv", ends: "s a p i de c v", joiners: "y e"},
	{id: "sl", ends: "s l|sociedad limitada", joiners: "y i", words: "sl"},
	{id: "slu", ends: "s l u", joiners: "y i"},
	{id: "ltda", ends: "ltda|limitada", joiners: "e y"},
	{id: "lda", ends: "lda", joiners: "e"},
	{id: "eireli", ends: "eireli", joiners: "e"},

	{id: "bv", ends: "b v|besloten vennootschap", joiners: "en"},
	{id: "nv", ends: "n v|naamloze vennootschap", joiners: "en"},
	{id: "bvba", ends: "bvba", joiners: "en et"},
	{id: "sprl", ends: "s p r l"},
	{id: "vof", ends: "v o f", joiners: "en"},
	{id: "cvba", ends: "cvba"},

	{id: "as", ends: "a s|aktieselskab|aksjeselskap|a ş|anonim şirketi|akciová společnost", joiners: "a ve"},
	{id: "asa", ends: "asa"},
	{id: "aps", ends: "aps|anpartsselskab"},
	{id: "ab", ends: "ab|aktiebolag"},
	{id: "abpubl", ends: "ab publ"},
	{id: "hb", ends: "hb|handelsbolag"},
	{id: "kb", ends: "kb|kommanditbolag"},
	{id: "oy", ends: "oy|oy ab|osakeyhtiö", joiners: "ja"},
	{id: "oyj", ends: "oyj|oyj abp"},
	{id: "ky", ends: "ky", words: "ky"},
	{id: "hf", ends: "hf"},
	{id: "ehf", ends: "ehf"},
	{id: "ou", ends: "oü|osaühing", begins: "oü"},
	{id: "sia", ends: "sia", begins: "sia"},
	{id: "uab", ends: "uab", begins: "uab"},

	{id: "spzoo", ends: "sp z o o|spółka z o o|spółka z ograniczoną odpowiedzialnością", joiners: "i"},
	{id: "spk", ends: "sp k", joiners: "i"},
	{id: "spj", ends: "sp j", joiners: "i"},
	{id: "sro", ends: "s r o|spol s r o|společnost s ručením omezeným", joiners: "a"},
	{id: "doo", ends: "d o o|д о о", joiners: "i a"},
	{id: "dd", ends: "d d", joiners: "i"},
	{id: "kft", ends: "kft"},
	{id: "zrt", ends: "zrt"},
	{id: "nyrt", ends: "nyrt"},
	{id: "eood", ends: "еоод|eood", joiners: "и"},
	{id: "ood", ends: "оод|ood", joiners: "и"},
	{id: "ad", ends: "ад", joiners: "и"},
	{id: "ltdsti", ends: "ltd şti|limited şirketi", joiners: "ve"},
	{id: "ead", ends: "еад", joiners: "и"},

	{id: "ooo", ends: "ооо|общество с ограниченной ответственностью|ooo", begins: "ооо|общество с ограниченной ответственностью|ooo", joiners: "и"},
	{id: "oao", ends: "оао|oao", begins: "оао|oao|открытое акционерное общество", joiners: "и"},
	{id: "zao", ends: "зао|zao", begins: "зао|zao|закрытое акционерное общество", joiners: "и"},
	{id: "pao", ends: "пао|pao", begins: "пао|pao|публичное акционерное общество", joiners: "и"},
	{id: "ao", ends: "ао", begins: "ао|акционерное общество", joiners: "и"},
	{id: "ip", ends: "ип", begins: "ип|индивидуальный предприниматель", joiners: "и"},
	{id: "too", ends: "тоо", begins: "тоо|товарищество с ограниченной ответственностью", joiners: "и"},
	{id: "tov", ends: "тов", begins: "тов|товариство з обмеженою відповідальністю", joiners: "та"},
	{id: "prat", ends: "прат", begins: "прат|приватне акціонерне товариство", joiners: "та"},

	{id: "ae-gr", ends: "α ε|ανώνυμη εταιρεία|ανώνυμη εταιρία"},
	{id: "epe", ends: "ε π ε|εταιρεία περιορισμένης ευθύνης"},
	{id: "ike", ends: "ι κ ε|ιδιωτική κεφαλαιουχική εταιρεία"},
	{id: "oe-gr", ends: "ο ε|ομόρρυθμη εταιρεία"},

	{id: "thmm", ends: "ذ م م|ذات مسؤولية محدودة|المحدودة"},
	{id: "shmm", ends: "ش م م"},
	{id: "shmk", ends: "ش م ك"},
	{id: "shml", ends: "ش م ل"},
	{id: "shmae", ends: "ش م ع"},
	{id: "sharika", begins: "شركة"},
	{id: "baam", ends: "בעמ|בע מ"},
	{id: "thai", ends: "จำกัด", begins: "บริษัท"},
	{id: "thaipublic", ends: "จำกัด มหาชน"},
	{id: "tnhh", begins: "công ty tnhh|công ty trách nhiệm hữu hạn|cty tnhh"},
	{id: "ctcp", begins: "công ty cổ phần|công ty cp|ctcp|cty cp"},
}

// written is a legal form of a script that has no spaces: it stands last or first without a gap.
type written struct {
	id, spelling string
	begins, ends bool
	// place says that the name is another one when the form stands on its other side.
	place bool
}

// unspaced, the longest spelling first. A Chinese branch (分公司) and a group (集团) keep their word. In Japan 株式会社A and
// A株式会社 are two trade names.
var unspaced = []written{
	{"kk", "株式会社", true, true, true}, {"kk", "株式會社", true, true, true}, {"kk", "カブシキガイシャ", true, true, true},
	{"yk", "有限会社", true, true, true}, {"yk", "有限會社", true, true, true},
	{"gk", "合同会社", true, true, true}, {"goshi", "合資会社", true, true, true}, {"gomei", "合名会社", true, true, true},
	{"gufen", "股份有限公司", false, true, false}, {"gufen", "股份公司", false, true, false},
	{"youxian", "有限责任公司", false, true, false}, {"youxian", "有限責任公司", false, true, false}, {"youxian", "有限公司", false, true, false},
	{"yuhanchaekim", "유한책임회사", true, true, false}, {"jusik", "주식회사", true, true, false}, {"yuhan", "유한회사", true, true, false},
	{"thai", "บริษัท", true, false, false}, {"thai", "จำกัด", false, true, false},
}

// abbreviated are the forms that are written in brackets, spelled as compatibility composition spells ㈱.
var abbreviated = strings.NewReplacer("(株)", " 株式会社 ", "(有)", " 有限会社 ", "(同)", " 合同会社 ", "(資)", " 合資会社 ", "(名)", " 合名会社 ",
	"(주)", " 주식회사 ", "(유)", " 유한회사 ")

// romanized are abbreviations of the same Japanese forms in Latin letters, which always stand last.
var romanized = map[string]string{"kk": "kk", "kabushikikaisha": "kk", "kabushikigaisha": "kk", "gk": "gk", "godokaisha": "gk", "yk": "yk"}

// formIndex finds a form by its words written together.
type formIndex struct {
	ends, begins map[string]*form
	words        map[string]bool
	unspaced     []written
}

// mostWords is how many words the longest spelling has; an abbreviation counts its letters.
const mostWords = 7

var forms = sync.OnceValue(func() *formIndex {
	index := &formIndex{ends: map[string]*form{}, begins: map[string]*form{}, words: map[string]bool{}}
	add := func(to map[string]*form, spellings string, f *form) {
		for spelling := range strings.SplitSeq(spellings, "|") {
			if words := splitWords(spelling); len(words) > 0 {
				to[plain(strings.Join(words, ""))] = f
			}
		}
	}
	for i := range table {
		f := &table[i]
		add(index.ends, f.ends, f)
		add(index.begins, f.begins, f)
		if f.words != "" {
			index.words[f.words] = true
		}
	}
	for spelling, id := range romanized {
		index.ends[spelling] = &form{id: id}
	}
	for _, w := range unspaced {
		w.spelling = strings.Join(splitWords(w.spelling), "")
		index.unspaced = append(index.unspaced, w)
	}
	return index
})

// found are the legal forms of a name.
type found struct {
	ids     []string
	joiners string // with a space on both sides of each
	front   bool
	word    bool
}

// cutForms takes the legal forms off the end and the beginning of a name, as long as something remains.
func cutForms(words []string) ([]string, found) {
	var f found
	core, atEnd := f.cutUnspaced(words)
	if !atEnd {
		core = f.cutEnd(core)
	}
	core = f.cutBegin(core)
	slices.Sort(f.ids)
	f.ids = slices.Compact(f.ids)
	return core, f
}

func (f *found) cutUnspaced(words []string) (core []string, atEnd bool) {
	core = words
	for _, w := range forms().unspaced {
		if len(core) == 0 {
			break
		}
		if rest, ok := cutLast(core, w.spelling); w.ends && ok {
			core, atEnd = rest, true
			f.ids = append(f.ids, w.id)
		} else if rest, ok := cutFirst(core, w.spelling); w.begins && ok {
			core = rest
			f.ids = append(f.ids, w.id)
			f.front = w.place
		}
	}
	return core, atEnd
}

// cutLast takes a suffix off the last word, and that word away when nothing of it remains.
func cutLast(words []string, suffix string) ([]string, bool) {
	last := len(words) - 1
	rest, ok := strings.CutSuffix(words[last], suffix)
	switch {
	case !ok || rest == "" && last == 0:
		return words, false
	case rest == "":
		return words[:last], true
	default:
		return append(slices.Clone(words[:last]), rest), true
	}
}

func cutFirst(words []string, prefix string) ([]string, bool) {
	rest, ok := strings.CutPrefix(words[0], prefix)
	switch {
	case !ok || rest == "" && len(words) == 1:
		return words, false
	case rest == "":
		return words[1:], true
	default:
		return append([]string{rest}, words[1:]...), true
	}
}

func (f *found) cutEnd(words []string) []string {
	for n := min(mostWords, len(words)-1); n > 0; n-- {
		core, tail := words[:len(words)-n], words[len(words)-n:]
		spelled := plain(strings.Join(tail, ""))
		form, ok := forms().ends[spelled]
		if !ok || core[len(core)-1] == joining || !standsAlone(core, tail) || isForm(core) { // "& Co." is a part of the name
			continue
		}
		f.add(form, n == 1 && forms().words[spelled])
		return core
	}
	return words
}

// standsAlone: letters with dots between them are one abbreviation; its end is not a form of its own (A.B. S.A. is, U.S.A. is
// not).
func standsAlone(core, tail []string) bool {
	return len([]rune(tail[0])) > 1 || len(tail) < 2 || len([]rune(core[len(core)-1])) > 1
}

// isForm: a company can bear the name of a form, Limited Ltd, which is then not a form of its name.
func isForm(core []string) bool {
	_, is := forms().ends[plain(strings.Join(core, ""))]
	return is
}

func (f *found) cutBegin(words []string) []string {
	for n := min(mostWords, len(words)-1); n > 0; n-- {
		spelled := plain(strings.Join(words[:n], ""))
		form, ok := forms().begins[spelled]
		if !ok || isForm(words[n:]) || len(f.ids) > 0 && spelled[0] < 0x80 && !(form.id == "pt" && f.ids[0] == "tbk") { // SIA Holding Ltd
			continue
		}
		f.add(form, n == 1 && spelled[0] < 0x80 && len(f.ids) == 0) // the first word of a Latin name is often an abbreviation
		return words[n:]
	}
	return words
}

func (f *found) add(form *form, word bool) {
	f.ids = append(f.ids, form.id)
	f.word = word
	if form.joiners != "" {
		f.joiners += " " + form.joiners + " "
	}
}
