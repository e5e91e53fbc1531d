/*
 * What mail programs write around a mail, in the languages they come in.  The lists are data: folded (lower case, one blank, straight quotes, no "*"), divided by "|",
 * sorted on first use and looked up by first byte, so that a longer list does not make reading slower.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/base/mem.h"
#include "text_lines.h"

/* "wrote", as the last word of an attribution; of "ha scritto" the last. */
static const char verbs_last[] =
    "writes|written|écrit|ecrit|écrivait|écrivit|répondu|escribió|escribio|escrito|escribía|escribe|escreveu|scritto|"
    "scrisse|scrive|geschreven|skrifaði|ritaði|napisał|napisała|pisze|písal|psal|napisa|piše|irta|scris|написа|"
    "напиша|написал|написала|писал|писала|пишет|пише|написав|писав|напісаў|напісала|піша|rašė|parašė|rakstīja|yazdı|"
    "yazdi|yazmış|έγραψε|έγραψαν|εγραψε|نوشت|लिखा|লিখেছেন|எழுதியது|เขียนว่า|เขียน|viết|sumulat|escriure|escrit|"
    "escribiu|geskryf|skryf|shkruar|shkroi|aliandika|გაწერა|წერდა|жазды";
/* Verbs before the name ("schrieb Pat:"), or after it. */
static const char verbs_inside[] =
    "wrote|schrieb|schrieben|geschrieben|schreibt|schreef|skrev|skreiv|kirjoitti|kirjutas|napisal|napsal|napsala|"
    "napisana|napisala|napísal|napísala|napisao|írta|написао|כתב|כתבה|מאת|كتب|كتبت|بواسطة|menulis|isinulat|idatzi|"
    "ysgrifennodd|scríobh|գրել|napisaо";
/* Verbs without a blank before them. */
static const char verb_ends[] =
    "写道|寫道|写到|写了|写|寫|作成|書きました|書いた|のメール|のメッセージ|님이 작성|작성|씀|썼습니다|쓰셨습니다|작성함|작성했습니다|가 씀";
/* They who write in sentences of people, not of programs. */
static const char pronouns[] =
    "i|he|she|they|we|who|ich|er|wir|man|il|elle|nous|ils|elles|j'ai|ai|ik|hij|zij|jag|han|hon|hun|jeg|él|ella|ellos|"
    "yo|lui|lei|io|ele|ela|eu|я|он|она|они|мы|він|вона|on|ona|hän|minä";
/* What may stand between a name and the rest without a capital letter. */
static const char small_words[] =
    "a|à|ha|het|has|hat|va|you|via|von|van|der|den|de|da|di|del|della|la|le|du|dos|das|bin|al|el|ter|ten|und|and|"
    "volgende|følgende|följande|um|uhr|am|pm|kl|klo|alle|ore|às|as|las|at|h|o|godz|użytkownik|пользователь|г|р|в|о|η|"
    "ο|στις|μ|π|ezt|tarihinde|şunu|şunları|saat|đã|vào|lúc|ka|zuen|hau|på|je|oseba|keltezéssel|gmt|utc|cet|cest|est|"
    "edt|pst|pdt|pukul|ở|ora|të|по|у|on";
static const char quoting[] =
    "quoting |zitat von |zitiere |citando |citando a |citat av |citat fra |sitat fra |citation de |citazione di |"
    "cytowanie |cytat |citaat van |citace |quote from |in reply to |in antwort auf |en réponse à |en respuesta a |"
    "em resposta a |in risposta a |als antwoord op |цитирую |цитата ";

/* Header lines of quoted mails. */
static const char labels_from[] =
    "from|von|de|da|van|fra|från|od|от|от кого|від|від кого|ад|kimden|gönderen|από|מאת|من|发件人|寄件者|寄件人|發件人|差出人|送信者|"
    "送信元|보낸 사람|보낸사람|발신|발신인|lähettäjä|feladó|nga|dari|từ|người gửi|จาก|expéditeur|absender|mittente|remitente|"
    "remetente|avsender|avsändare|afzender|afsender|nuo|no|saatja|odosielateľ|odesílatel|pošiljatelj|šalje|шаље|од|"
    "sender|expeditor|de la|frá|des de|nadawca|отправитель|відправник|подател|از|de parte de|prej|pošiljatelj/ica|"
    "mula kay|भेजने वाला|प्रेषक|от:|daripada";
static const char labels_sent[] =
    "sent|gesendet|gesendet am|envoyé|envoyé le|date d'envoi|enviado|enviado el|enviado em|enviada em|enviada|"
    "fecha de envío|inviato|data invio|verzonden|sendt|skickat|wysłano|wysłane|data wysłania|odesláno|odoslané|"
    "odoslaná|отправлено|надіслано|відправлено|poslano|poslato|послато|trimis|изпратено|изпратен|lähetetty|küldve|"
    "elküldve|küldés ideje|gönderildi|gönderilme tarihi|gönderme tarihi|στάλθηκε|εστάλη|αποστολή|נשלח|تاريخ الإرسال|"
    "تم الإرسال|أرسلت|发送时间|发送日期|已发送|寄件日期|傳送時間|發送時間|已傳送|送信日時|送信|보낸 날짜|보낸날짜|보낸 시간|dikirim|terkirim|dihantar|đã gửi|"
    "ngày gửi|ส่ง|ส่งเมื่อ|saadetud|nosūtīts|išsiųsta|enviat|bidalia|sent at|sent on|date sent|sendt den|ارسال شده|"
    "message du";
static const char labels_date[] =
    "date|datum|fecha|data|dato|päivämäärä|päiväys|pvm|dátum|tarih|ημερομηνία|дата|תאריך|التاريخ|تاريخ|تاریخ|日期|日時|"
    "日付|时间|時間|날짜|tanggal|tarikh|ngày|วันที่|datums|kuupäev|received|empfangen|dags|dagsetning|दिनांक|petsa|am|datë|"
    "датум|reçu";
static const char labels_to[] =
    "to|an|à|a|para|aan|til|till|do|komu|pro|для|кому|до|каму|vastaanottaja|vastaanottajat|címzett|kime|alıcı|προς|"
    "για|אל|إلى|به|收件人|收件者|宛先|送信先|받는 사람|받는사람|수신|수신인|kepada|ke|đến|tới|ถึง|za|prima|către|catre|per a|per|nori|"
    "destinataire|destinatario|destinatário|destinatari|empfänger|kam|gavėjas|kellele|saaja|за|получатель|ontvanger|"
    "mottagare|modtager|mottaker|odbiorca|příjemce|प्रति|para kay|ai|për";
static const char labels_cc[] =
    "cc|bcc|kopie|kopie an|copie|copie à|cópia|con copia|copia|kopia|kopi|kópia|копия|копія|másolatot kap|másolat|"
    "bilgi|κοιν|κοιν.|κοινοποίηση|抄送|副本|참조|dw|udw|kopio|k. kopia|עותק|نسخة|نسخة إلى|tembusan|สำเนา|kopie (cc)|cci|"
    "cco|kk|sk|копие";
static const char labels_subject[] =
    "subject|subj|betreff|betr|objet|sujet|asunto|assunto|oggetto|onderwerp|emne|ämne|temat|předmět|predmet|věc|тема|"
    "aihe|tárgy|konu|θέμα|נושא|הנדון|الموضوع|موضوع|主题|主旨|主題|件名|題名|제목|subjek|subyek|perihal|judul|chủ đề|tiêu đề|"
    "เรื่อง|หัวเรื่อง|subiect|относно|предмет|наслов|naslov|teema|tema|temats|assumpte|gaia|efni|zadeva|विषय|paksa|"
    "asunto (subject)|subjekti|onderwerp/subject";
static const char labels_other[] =
    "reply-to|reply to|importance|priority|attachments|attachment|anlagen|organization|organisation|risposta|"
    "rispondi a|antwort an|répondre à|responder a|wichtigkeit|priorität|pièces jointes|allegati|bijlagen|message-id|"
    "resent-from|categories|importancia|importância|priorità|prioriteit|vedhæftede filer|bilagor|załączniki|list-id|"
    "newsgroups|in-reply-to|when|where|conversation|adjuntos|anexos|svar til|svara till|важность|odpowiedź do|"
    "antwoord aan|返信先|附件|重要性";

/* "-----Original Message-----" */
static const char original[] =
    "original message|回复的原邮件|回覆的原郵件|original mail|original e-mail|original email|original appointment|"
    "originalnachricht|original-nachricht|originale nachricht|ursprüngliche nachricht|urspruengliche nachricht|"
    "ursprünglicher termin|ausgangsnachricht|vorherige nachricht|message d'origine|message original|message initial|"
    "courriel original|mensaje original|correo original|mensagem original|messaggio originale|messaggio originario|"
    "oorspronkelijk bericht|oorspronkelijke bericht|origineel bericht|originele bericht|oprindelig meddelelse|"
    "oprindelig besked|original besked|original meddelelse|opprinnelig melding|opprinnelig e-post|original melding|"
    "ursprungligt meddelande|originalmeddelande|ursprungligt mejl|oryginalna wiadomość|wiadomość oryginalna|"
    "wiadomość pierwotna|původní zpráva|původní e-mail|pôvodná správa|исходное сообщение|оригинальное сообщение|"
    "исходное письмо|вихідне повідомлення|оригінальне повідомлення|eredeti üzenet|eredeti levél|mesaj original|"
    "mesajul original|alkuperäinen viesti|alkuperäinen sähköposti|orijinal mesaj|orjinal mesaj|özgün ileti|"
    "orijinal ileti|αρχικό μήνυμα|πρωτότυπο μήνυμα|הודעה מקורית|ההודעה המקורית|الرسالة الأصلية|رسالة أصلية|پیام اصلی|"
    "原始邮件|原邮件|原始郵件|原始訊息|原始信件|元のメッセージ|元のメール|원본 메시지|원본 메일|원본메시지|pesan asli|mesej asal|thư gốc|tin nhắn gốc|"
    "izvorna poruka|originalna poruka|оригинална порука|изворна порука|izvirno sporočilo|izvorno sporočilo|"
    "originalus laiškas|pradinis laiškas|sākotnējais ziņojums|algsõnum|algne kiri|algne sõnum|missatge original|"
    "mensaxe orixinal|jatorrizko mezua|оригинално съобщение|ข้อความต้นฉบับ|ต้นฉบับ|मूल संदेश|upprunaleg skilaboð|"
    "upprunalegur póstur|oorspronklike boodskap|mesazhi origjinal|reply message|reply separator|previous message|"
    "quoted message|quoted text|арыгінальнае паведамленне|original-mail|original text|wiadomość źródłowa|"
    "treść oryginalnej wiadomości|antwort|reply";
static const char original_starts[] =
    "original message from |originalnachricht von |ursprüngliche nachricht von |message d'origine de |"
    "mensaje original de |messaggio originale di |mensagem original de |in response to message from |reply from |"
    "original message follows";
static const char forwarded[] =
    "forwarded message|forwarded messages|forwarded mail|forwarded email|forwarded e-mail|begin forwarded message|"
    "start of forwarded message|start forwarded message|beginning of forwarded message|weitergeleitete nachricht|"
    "weitergeleitete mail|weitergeleitete e-mail|anfang der weitergeleiteten nachricht|"
    "anfang der weitergeleiteten e-mail|message transféré|message réexpédié|message transmis|courriel transféré|"
    "début du message transféré|début du message réexpédié|mensaje reenviado|correo reenviado|"
    "inicio del mensaje reenviado|mensagem encaminhada|mensagem reencaminhada|mensagem reenviada|"
    "início da mensagem encaminhada|início da mensagem reencaminhada|início de mensagem reencaminhada|"
    "messaggio inoltrato|inizio messaggio inoltrato|inizio del messaggio inoltrato|messaggio reindirizzato|"
    "doorgestuurd bericht|doorgestuurde bericht|doorgezonden bericht|begin doorgestuurd bericht|"
    "begin van doorgestuurd bericht|begin doorgezonden bericht|videresendt meddelelse|videresendt besked|"
    "start på videresendt besked|start på videresendt meddelelse|begyndelse på videresendt besked|"
    "videresendt melding|videresendt e-post|videresendt mail|start på videresendt melding|"
    "videresendt melding starter|vidarebefordrat meddelande|vidarebefordrat mejl|vidarebefordrat brev|"
    "vidarebefordrat e-postmeddelande|påbörjar vidarebefordrat meddelande|börja vidarebefordrat meddelande|"
    "vidarebefordrat meddelande börjar|början på vidarebefordrat meddelande|wiadomość przekazana dalej|"
    "przekazana wiadomość|przekazywana wiadomość|początek przekazanej wiadomości|"
    "początek wiadomości przekazanej dalej|treść przekazanej wiadomości|treść przekazanej wiadomości dalej|"
    "přeposlaná zpráva|přeposlaný e-mail|začátek přeposílané zprávy|začátek přeposlané zprávy|preposlaná správa|"
    "začiatok preposlanej správy|пересылаемое сообщение|пересланное сообщение|пересылаемое письмо|пересланное письмо|"
    "переадресованное сообщение|перенаправленное сообщение|начало переадресованного сообщения|"
    "начало пересылаемого сообщения|начало пересланного сообщения|переслане повідомлення|переспрямоване повідомлення|"
    "початок переспрямованого повідомлення|початок переадресованого повідомлення|továbbított üzenet|"
    "továbbított levél|továbbított üzenet kezdete|továbbított üzenet eleje|mesaj redirecționat|mesaj redirectionat|"
    "mesaj retransmis|mesaj retrimis|începutul mesajului redirecționat|început mesaj redirecționat|välitetty viesti|"
    "edelleenlähetetty viesti|välitetty viesti alkaa|edelleen lähetetty viesti|yönlendirilmiş mesaj|"
    "yönlendirilen mesaj|yönlendirilmiş ileti|yönlendirilen ileti|iletilen mesaj|iletilmiş mesaj|iletilmiş ileti|"
    "iletilen mesajın başlangıcı|yönlendirilen iletinin başlangıcı|προωθημένο μήνυμα|διαβιβασθέν μήνυμα|"
    "έναρξη προωθημένου μηνύματος|αρχή προωθημένου μηνύματος|הודעה שהועברה|הודעה מועברת|התחלת ההודעה שהועברה|"
    "رسالة معاد توجيهها|الرسالة المعاد توجيهها|رسالة محولة|بداية الرسالة المعاد توجيهها|بدء الرسالة المعاد توجيهها|"
    "پیام هدایت شده|پیام فرستاده شده|转发的邮件|转发的信息|转发邮件|转发邮件信息|转发的消息|被转发的邮件|开始转发的邮件|转发的邮件开始|下面是被转发的邮件|以下是转发的邮件|轉寄的郵件|"
    "轉寄郵件|轉寄的訊息|已轉寄的郵件|開始轉寄郵件|轉發的郵件|轉寄信件|転送されたメッセージ|転送メッセージ|転送メール|転送されたメール|전달된 메시지|전달된 메일|전달한 메시지|전달된 메시지 시작|"
    "pesan terusan|pesan yang diteruskan|pesan diteruskan|awal pesan terusan|mesej dimajukan|mesej yang dimajukan|"
    "thư đã chuyển tiếp|thư chuyển tiếp|thư được chuyển tiếp|tin nhắn được chuyển tiếp|bắt đầu thư được chuyển tiếp|"
    "proslijeđena poruka|prosljeđena poruka|početak proslijeđene poruke|prosleđena poruka|прослеђена порука|"
    "posredovano sporočilo|začetek posredovanega sporočila|persiųstas laiškas|persiųsta žinutė|persiunčiamas laiškas|"
    "pārsūtīts ziņojums|pārsūtītais ziņojums|edastatud kiri|edastatud sõnum|missatge reenviat|"
    "inici del missatge reenviat|mensaxe reenviada|birbidalitako mezua|препратено съобщение|препратено писмо|"
    "начало на препратеното съобщение|ข้อความที่ส่งต่อ|ข้อความที่ถูกส่งต่อ|เริ่มข้อความที่ส่งต่อ|अग्रेषित संदेश|"
    "áframsend skilaboð|áframsendur póstur|deurgestuurde boodskap|aangestuurde boodskap|ipinasa na mensahe|"
    "mesazh i përcjellë|перасланае паведамленне|препратена порака";
/* With a name after them: "Forwarded by Pat on 05/06/2024". */
static const char forward_starts[] =
    "forwarded by |forwarded message from |forwarded message follows|weitergeleitet von |weitergeleitet durch |"
    "transféré par |réacheminé par |reenviado por |encaminhado por |inoltrato da |doorgestuurd door |videresendt af |"
    "videresendt av |vidarebefordrat av |przekazane przez |forwarded from |переслано ";
static const char forward_subjects[] =
    "fw:|fwd:|wg:|tr:|rv:|enc:|i:|vb:|vl:|pd:|doorst:|vs:fwd|ilt:|i̇lt:|转发:|轉寄:|转:|轉發:|転送:|전달:|továbbítás:|tov:|fs:|"
    "πρθ:|הועבר:|إعادة توجيه:|chuyển tiếp:|teruskan:|res-fwd:|[fwd:|(fwd)|пересл:";
static const char reply_above[] =
    "reply above this line|reply above the line|reply above this|reply above the dotted|your reply above|"
    "response above this line|respond above this line|write above this line|type above this line|"
    "reply only above this line|reply between these lines|add your response above|antworten sie oberhalb dieser|"
    "antworten sie bitte oberhalb|oberhalb dieser zeile|über dieser zeile|oberhalb dieser linie|über dieser linie|"
    "au-dessus de cette ligne|au dessus de cette ligne|por encima de esta línea|por encima de esta linea|"
    "encima de esta línea|arriba de esta línea|acima desta linha|acima dessa linha|sopra questa riga|"
    "sopra questa linea|al di sopra di questa|boven deze regel|boven deze lijn|över den här raden|ovanför denna rad|"
    "ovanför den här raden|ovanför den här linjen|over denne linje|over denne linjen|ovenover denne linje|"
    "powyżej tej linii|nad tą linią|nad tímto řádkem|nad tuto řádku|nad týmto riadkom|выше этой строки|"
    "выше этой линии|над этой строкой|вище цього рядка|вище цієї лінії|tämän rivin yläpuolelle|"
    "tämän viivan yläpuolelle|e sor fölé|a vonal fölé|bu satırın üzerine|bu satırın üstüne|bu çizginin üzerine|"
    "deasupra acestei linii|πάνω από αυτή τη γραμμή|此行上方|此线上方|这行以上|在此行之上|這一行上方|この行より上|この線より上|이 줄 위에|이 선 위에|"
    "di atas baris ini|phía trên dòng này|iznad ovog retka|iznad ove linije|над този ред|per sobre d'aquesta línia|"
    "above this line to reply";

/* "Sent from my iPhone": how the line starts, or ends, and what it names.  Short ones are whole lines, else they are sentences. */
static const char sent_starts[] =
    "sent from my |sent from |sent via |sent with |get outlook for |get [outlook|download outlook for |"
    "get the new outlook |gesendet von |gesendet mit |gesendet über |gesendet aus |gesendet vom |gesendet per |"
    "gesendet via |diese nachricht wurde von meinem |diese nachricht wurde mit |diese e-mail wurde von meinem |"
    "holen sie sich outlook|laden sie outlook für |beziehen sie outlook für |envoyé de mon |envoyé de ma |"
    "envoyé depuis |envoyé à partir |envoyé avec |envoyé via |envoyé par |envoyé de |envoyé d'|provenance de mon |"
    "message envoyé depuis |obtenez outlook pour |obtenir outlook pour |télécharger outlook pour |"
    "téléchargez outlook pour |enviado desde |enviat des del |enviado con |enviado do |enviado da |enviado de |"
    "enviado a partir |enviado via |enviado pelo |enviado mediante |enviado através |enviado por |enviado com |"
    "enviado en |obtener outlook para |obtenga outlook para |obtén outlook para |descargar outlook para |"
    "obter o outlook para |obter outlook para |baixe o outlook para |inviato da |inviato dal |inviato dall'|"
    "inviato con |inviato tramite |inviato via |ottieni outlook per |scarica outlook per |verzonden vanaf |"
    "verzonden met |verzonden via |verzonden van |verzonden vanuit |verstuurd vanaf |verstuurd met |verstuurd via |"
    "download outlook voor |sendt fra |sendt med |sendt via |hent outlook |få outlook |last ned outlook |"
    "skickat från |skickat med |skickat via |skickades från |skaffa outlook |hämta outlook |wysłane z |wysłano z |"
    "wysłane przez |wysłano przez |wysłane za pomocą |pobierz outlook |pobierz aplikację outlook |odesláno z |"
    "odesláno ze |odoslané z |odoslané zo |odoslané pomocou |posláno z |získat outlook |získejte outlook |"
    "získať outlook |stáhnout outlook |отправлено с |отправлено из |отправлено со |отправлено через |отправлено от |"
    "отправлено при помощи |скачать outlook |загрузить outlook |получить outlook |надіслано з |надіслано від |"
    "надіслано із |відправлено з |відправлено із |отримати outlook |elküldve |küldve |az iphone-omról |"
    "iphone-omról küldve|ipademről küldve|trimis de pe |trimis din |trimis cu |trimis de la |descărcați outlook |"
    "obțineți outlook |lähetetty |hanki outlook |lataa outlook |στάλθηκε από |εστάλη από |απεσταλμένο από |"
    "αποστολή από |λήψη του outlook |נשלח מ|נשלח מה|השג את outlook |أرسلت من |أُرسلت من |تم الإرسال من |مرسل من |"
    "احصل على outlook |الحصول على outlook |ارسال شده از |发自我的|从我的|来自我的|发送自|获取 outlook|获取outlook|下载 outlook|從我的|來自我的|"
    "由我的|取得 outlook|傳送自|寄自我的|iphoneから送信|ipadから送信|私のiphoneから|androidから送信|나의 iphone에서 보냄|내 iphone에서 보냄|iphone에서 보냄|"
    "나의 ipad에서 보냄|outlook을 |dikirim dari |terkirim dari |dikirim dengan |dapatkan outlook |dihantar dari |gửi từ |"
    "đã gửi từ |được gửi từ |tải outlook |nhận outlook |ส่งจาก|รับ outlook|enviat des de |enviat amb |poslano s |"
    "poslano z |poslano iz |poslano sa |poslato sa |poslato iz |послато са |preuzmite outlook |изпратено от |"
    "изпратено с |išsiųsta iš |sūtīts no |nosūtīts no |saadetud minu |bidali da nire |enviado dende |gestuur vanaf |"
    "sent de mon |yahoo mail: |yahoo mail für |yahoo mail pour |poslané z |poslat z ";
static const char sent_short[] =
    "sent on the go|sent on my |sent by |sent through |from my iphone|from my ipad|from my mobile|from my phone|"
    "from my android|from my cell|from my samsung|from my blackberry|from mobile|via mobile|typed on my |"
    "written on my |outlook für |outlook herunterladen|outlook voor |az outlook |outlook for |sent anywhere|"
    "sent while mobile|mobile mail|sent using ";
/* With "gesendet" after them. */
static const char sent_verb[] =
    "von meinem |von meiner |von unterwegs gesendet|unterwegs gesendet|mobil gesendet|von mobil gesendet|"
    "per handy gesendet|von yahoo |von gmx |vom handy |von meinem/";
static const char sent_ends[] =
    " gönderildi|'dan gönderildi|'den gönderildi|'umdan gönderildi|から送信|에서 보냄| 发送| 傳送| 发送的| küldve| via mobile|"
    " from mobile| 'u edinin| lähetetty| herunterladen| downloaden| را دریافت کنید";
static const char devices[] =
    "iphon|ipad|ipod|android|outlook|mobil|phone|telefon|téléphone|teléfono|handy|smartphone|samsung|galaxy|"
    "blackberry|huawei|xiaomi|nokia|htc|lg|sony|motorola|oneplus|oppo|redmi|windows|yahoo|gmail|proton|tablet|device|"
    "gerät|mobile|cell|tutanota|airmail|thunderbird|k-9|bluemail|aquamail|typeapp|mailbox|zoho|fastmail|aol|web.de|"
    "gmx|t-online|телефон|смартфон|айфон|手机|手機|mailspring|lumia|kindle|chromebook|laposte|free.fr|puhelin|"
    "puhelimesta|matkapuhelin|komórk|móvil|celular|telemóvel|cellulare|tfno|zimbra|libero|virgilio|poczty|poczta|"
    "interia|rambler|ziggo|fairphone|realme|bb10|treo|palm|[mail]|mail for|mail für|mail pour|mail app|hotmail|почты|"
    "почта|пошти|posta per|posta app|mail.ru|correo para|e-post för|e-post for|em client|mailbird|courrier pour|"
    "mail voor";
/* Names that are words too: only in a line of a few words. */
static const char brands[] =
    "front|hey|nine|spark|alto|boxer|orange|watch|nothing|honor|vivo|app|wp|o2|mac|onet|sfr|newton|edison|canary|"
    "surface|inbox|pixel|superhuman|mailbird";

/* Disclaimers: what they call themselves, and what they ask for. */
static const char secret_words[] =
    "confidential|confidentiality|privileged|disclaimer|vertraulich|confidentiel|confidencial|confidenzial|riservat|"
    "vertrouwelijk|fortrolig|konfidentiell|konfidensiell|sekretess|poufn|důvěrn|dôvern|конфиденциальн|конфіденційн|"
    "bizalmas|confidențial|luottamuksell|gizli|εμπιστευτικ|סודי|حסוי|سري|保密|機密|机密|秘密|기밀|rahasia|bảo mật|povjerljiv|"
    "poverljiv|zaupn|поверителн|konfidentsiaal|konfidencial";
static const char duty_words[] =
    "recipient|addressee|addressed|in error|by mistake|got it by mistake|unauthorized|unauthorised|notify the sender|"
    "disseminat|delete it|delete this|prohibited|empfänger|adressat|irrtümlich|irrtum|unbefugt|vernichten|löschen|"
    "destinataire|par erreur|détruire|interdit|destinatari|por error|por erro|prohibid|proibid|per errore|vietat|"
    "cancellar|geadresseerde|bestemd voor|per vergissing|modtager|fejl|mottaker|mottagare|av misstag|adresat|odbiorc|"
    "omyłkow|příjemc|omylem|príjemc|получател|адресат|по ошибке|одержувач|помилково|címzett|tévedés|destinatar|"
    "din greșeală|vastaanottaja|vahingossa|alıcı|yanlışlıkla|παραλήπτ|נמען|המיועד|المرسل إليه|المستلم|收件人|收件者|误收|誤收|"
    "受信者|宛先|수신인|penerima|người nhận|primatelj|primalac|prejemnik|gavėj|saaja|intended for|intended only|solely for|"
    "sole use";
static const char self_words[] =
    "this e-mail|this email|this message|this communication|this transmission|this mail|this electronic|the information contained|the information in this|the contents of this|confidentiality notice|"
    "confidentiality note|disclaimer:|diese e-mail|diese email|diese nachricht|diese mail|dieser e-mail|dieser nachricht|dieses e-mail|der inhalt dieser|ce message|ce courriel|cet e-mail|cet email|ce mail|ce courrier|"
    "este mensaje|este correo|este e-mail|este email|esta mensagem|esta comunicação|este mensagem|questo messaggio|questa e-mail|questa email|questa comunicazione|la presente|il presente messaggio|le informazioni contenute|"
    "dit bericht|deze e-mail|dit e-mail|deze email|denne e-mail|denne mail|denne meddelelse|denne besked|denne e-post|denne melding|detta e-post|detta meddelande|detta mejl|tämä viesti|tämä sähköposti|"
    "ta wiadomość|niniejsza wiadomość|tato zpráva|tento e-mail|táto správa|настоящее сообщение|это сообщение|данное сообщение|настоящее электронное|это письмо|данное письмо|це повідомлення|цей лист|ez az üzenet|"
    "ez az e-mail|jelen üzenet|acest mesaj|acest e-mail|bu e-posta|bu mesaj|bu ileti|το παρόν μήνυμα|αυτό το μήνυμα|הודעה זו|دואר זה|هذه الرسالة|本邮件|此邮件|本電子郵件|本郵件|このメール|本メール|이 메일|본 메일|이메일은|"
    "email ini|pesan ini|e-mail này|ova poruka|ovaj e-mail|to sporočilo|това съобщение|този имейл|šis laiškas|see kiri";
/* Lines that scanners, list programs and trackers hang below a mail: each is enough alone. */
static const char footers[] =
    "virus-free. www.av|virus-free.www.av|virus-free www.av|has been checked for viruses|checked for viruses by av|"
    "scanned for viruses|scanned by mailscanner|this email has been scanned|this message has been scanned|"
    "this e-mail has been scanned|virenfrei. www.av|auf viren geprüft|auf viren überprüft|auf viren und andere|"
    "absence de virus dans ce courrier|garanti sans virus|sans virus.www.av|sans virus. www.av|exempt de virus|"
    "libre de virus. www.av|libre de virus.www.av|esté libre de virus|"
    "se ha comprobado mediante el software antivirus|livre de vírus. www.av|livre de vírus.www.av|"
    "foi verificado em termos de vírus|verificada quanto à presença de vírus|privo di virus.www.av|"
    "privo di virus. www.av|è stata controllata per individuare virus|è stato analizzato con|e' stato analizzato con|"
    "virusvrij.www.av|virusvrij. www.av|gecontroleerd op virussen|virusfri. www.av|virusfri.www.av|"
    "kontrolleret for virusser|sjekket for virus|har kontrollerats för virus|genomsökts efter virus|wolna od wirusów|"
    "sprawdzona na obecność wirusów|nie zawiera wirusów|nebyly nalezeny žádné viry|"
    "byl zkontrolován na přítomnost virů|без вирусов. www.av|без вирусов.www.av|проверено на вирусы|"
    "проверено на наличие вирусов|вірусів не виявлено|vírusmentes.www.av|vírusmentes. www.av|vírusellenőrzést|"
    "virüssüz. www.av|virüs bulunmuyor|virüslere karşı kontrol|无病毒。www.av|无病毒|病毒检查|ウイルス チェック|ウイルス・チェック|바이러스가 없습니다|"
    "bebas virus. www.av|không có vi-rút|mailscanner has|you received this message because you are subscribed|"
    "you are receiving this because you|to unsubscribe from this group|to unsubscribe from this list|"
    "to unsubscribe, send|to unsubscribe send|unsubscribe from this thread|mailman/listinfo|mailing list -- |"
    "to view this discussion on the web|to view this discussion visit|for more options, visit https://groups|"
    "reply to this email directly or view it on|reply to this email directly, view it on|"
    "please consider the environment before printing|before printing this e-mail|before printing this email|"
    "think before you print|denken sie an die umwelt, bevor|bitte denken sie an die umwelt|"
    "bitte prüfen sie, ob diese|pensez à l'environnement avant|avant d'imprimer ce|antes de imprimir este|"
    "antes de imprimir esta|prima di stampare questa|prima di stampare questo|denk aan het milieu|"
    "tänk på miljön innan|tenk på miljøet før|tænk på miljøet|zanim wydrukujesz|p save a tree|"
    "sent from a mailing list|powered by groups.io|view/reply online|groups.io links|yahoo! groups links|"
    "click here to report this email as spam|report this email as spam|report this message as spam|checked by eset|"
    "scanned by eset|spamfighter has removed|skyddad av eset|geprüft von eset";
/* What gateways write above mails from outside: how the paragraph starts, and what it says. */
static const char banner_starts[] =
    "caution|warning|external|[external|attention|important|notice|this email originated|this message originated|"
    "this e-mail originated|you don't often get email|some people who received this message don't often|achtung|"
    "warnung|vorsicht|externe|[extern|diese e-mail|diese nachricht|sie erhalten nicht oft|avertissement|prudence|"
    "courriel externe|ce message provient|cet e-mail provient|vous ne recevez pas souvent|precaución|atención|"
    "advertencia|no suele recibir|correo externo|atenção|aviso|cuidado|você não costuma|attenzione|avviso|"
    "non si ricevono spesso|let op|waarschuwing|u ontvangt niet vaak|advarsel|varning|obs|varoitus|uwaga|ostrzeżenie|"
    "upozornění|внимание|осторожно|увага|figyelem|atenție|dikkat|uyarı|注意|警告|외부|zewnętrzn|ekstern|extern";
static const char banner_words[] =
    "originated from outside|originated outside|came from outside|external sender|external email|sent from outside|"
    "outside your organi|outside our organi|outside the organi|outside of the organi|outside of your organi|"
    "outside of our organi|outside the company|outside of the company|outside of the university|"
    "don't often get email from|don't often get email|von außerhalb|externen absender|externer absender|"
    "externe e-mail|stammt von extern|nicht oft e-mails|provient de l'extérieur|expéditeur externe|"
    "extérieur de l'organisation|pas souvent de courriers|pas souvent d'e-mail|remitente externo|"
    "fuera de la organización|fuera de su organización|correo externo|suele recibir correo|remetente externo|"
    "fora da organização|costuma receber email|mittente esterno|esterno all'organizzazione|"
    "esterna all'organizzazione|ricevono spesso messaggi|externe afzender|buiten de organisatie|niet vaak e-mail|"
    "ekstern afsender|ekstern avsender|extern avsändare|utanför organisationen|organisaation ulkopuolelta|"
    "spoza organizacji|zewnętrznego nadawcy|mimo organizaci|внешнего отправителя|извне организации|"
    "внешний отправитель|зовнішній відправник|külső feladó|kuruluş dışından|外部邮件|外部郵件|组织外部|외부 메일";
static const char thanks[] =
    "thank|thanks|many thanks|best|kind regards|regards|with kind|warm|cheers|sincerely|yours|danke|vielen dank|"
    "mit freundlichen|viele grüße|beste grüße|liebe grüße|herzliche|freundliche|merci|cordialement|bien à vous|"
    "gracias|saludos|un saludo|atentamente|obrigad|atenciosamente|grazie|cordiali saluti|distinti saluti|bedankt|"
    "met vriendelijke|groet|tack|med vänlig|mvh|tak|med venlig|takk|med vennlig|dzięk|pozdrawiam|z poważaniem|děkuji|"
    "s pozdravem|ďakujem|s pozdravom|спасибо|с уважением|дякую|з повагою|köszön|üdvözlettel|mulțumesc|cu stimă|"
    "kiitos|ystävällisin|teşekkür|saygılarımla|ευχαριστώ|με εκτίμηση";
static const char viewers[] =
    "html viewer|html-viewer|view this message in html|view the html|html version of this|html-enabled|html enabled|"
    "html compatible|html-compatible|does not support html|doesn't support html|cannot display html|"
    "can't display html|supports html|html email client|this is an html message|this is a html email|"
    "this is an html email|this message is in html format|in mime format|mime-aware|view this email in your browser|"
    "kein html|html-format|html-ansicht|html-fähig|ne supporte pas le html|ne supporte pas l'html|format html|"
    "formato html|no soporta html|no admite html|não suporta html|non supporta html";

/* ---- lists as tables ---- */
struct word {
	const char *s;
	uint16_t n;
	uint16_t what;
};
struct list { /* sorted; start: of the words with a first byte */
	struct word *v;
	size_t len;
	uint16_t start[257];
};
enum { SENT_FULL = 1, SENT_SHORT = 2, SENT_VERB = 4 };
enum list_name { ATTRIBUTION, LABELS, MARKERS, MARKER_STARTS, SENT, LISTS };
static struct list lists[LISTS];
/* Those that are searched for inside of a line, or at its ends, one by one. */
enum group_name {
	VERB_ENDS,
	QUOTING,
	FORWARD_SUBJECTS,
	REPLY_ABOVE,
	SENT_ENDS,
	DEVICES,
	BRANDS,
	SECRETS,
	DUTIES,
	SELVES,
	FOOTERS,
	BANNER_STARTS,
	BANNERS,
	THANKS,
	VIEWERS,
	GROUPS
};
static struct list groups[GROUPS];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void add_words(struct list *l, const char *words, unsigned what)
{
	size_t more = 1;
	for (const char *p = words; (p = strchr(p, '|')) != NULL; p++)
		more++;
	l->v = xrealloc(l->v, (l->len + more) * sizeof l->v[0]);
	for (const char *p = words;; p++) {
		size_t n = strcspn(p, "|");
		l->v[l->len++] = (struct word){ p, (uint16_t)n, (uint16_t)what };
		p += n;
		if (*p == '\0')
			break;
	}
}

static int compare_bytes(const char *a, size_t a_n, const char *b, size_t b_n)
{
	int c = memcmp(a, b, a_n < b_n ? a_n : b_n);
	return c != 0 ? c : (a_n > b_n) - (a_n < b_n);
}

static int compare_words(const void *a, const void *b)
{
	const struct word *x = a, *y = b;
	return compare_bytes(x->s, x->n, y->s, y->n);
}

static void sort_words(struct list *l)
{
	qsort(l->v, l->len, sizeof l->v[0], compare_words);
	size_t out = 0; /* a word that is said twice has all its meanings */
	for (size_t i = 0; i < l->len; i++)
		if (out > 0 && compare_words(&l->v[out - 1], &l->v[i]) == 0)
			l->v[out - 1].what |= l->v[i].what;
		else
			l->v[out++] = l->v[i];
	l->len = out;
	size_t at = 0;
	for (unsigned c = 0; c < 256; c++) {
		while (at < out && (unsigned char)l->v[at].s[0] < c)
			at++;
		l->start[c] = (uint16_t)at;
	}
	l->start[256] = (uint16_t)out;
}

static void load(void)
{
	add_words(&lists[ATTRIBUTION], verbs_last, WORD_VERB);
	add_words(&lists[ATTRIBUTION], verbs_inside, WORD_VERB | WORD_VERB_INSIDE);
	add_words(&lists[ATTRIBUTION], pronouns, WORD_PRONOUN);
	add_words(&lists[ATTRIBUTION], small_words, WORD_SMALL);
	static const struct {
		const char *words;
		enum mail_label label;
	} labels[] = { { labels_from, LABEL_FROM }, { labels_sent, LABEL_SENT }, { labels_date, LABEL_DATE },
		{ labels_to, LABEL_TO }, { labels_cc, LABEL_CC }, { labels_subject, LABEL_SUBJECT },
		{ labels_other, LABEL_OTHER } };
	for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++)
		add_words(&lists[LABELS], labels[i].words, labels[i].label);
	add_words(&lists[MARKERS], original, MARKER_ORIGINAL);
	add_words(&lists[MARKERS], forwarded, MARKER_FORWARD);
	add_words(&lists[MARKER_STARTS], original_starts, MARKER_ORIGINAL);
	add_words(&lists[MARKER_STARTS], forward_starts, MARKER_FORWARD);
	add_words(&lists[SENT], sent_starts, SENT_FULL);
	add_words(&lists[SENT], sent_short, SENT_SHORT);
	add_words(&lists[SENT], sent_verb, SENT_VERB);
	for (size_t i = 0; i < LISTS; i++)
		sort_words(&lists[i]);
	static const char *const of[GROUPS] = { [VERB_ENDS] = verb_ends,
		[QUOTING] = quoting,
		[FORWARD_SUBJECTS] = forward_subjects,
		[REPLY_ABOVE] = reply_above,
		[SENT_ENDS] = sent_ends,
		[DEVICES] = devices,
		[BRANDS] = brands,
		[SECRETS] = secret_words,
		[DUTIES] = duty_words,
		[SELVES] = self_words,
		[BANNER_STARTS] = banner_starts,
		[BANNERS] = banner_words,
		[FOOTERS] = footers,
		[THANKS] = thanks,
		[VIEWERS] = viewers };
	for (size_t i = 0; i < GROUPS; i++)
		add_words(&groups[i], of[i], 1);
	for (size_t i = 0; i < GROUPS; i++)
		sort_words(&groups[i]);
}

/* ---- looking up ---- */
static unsigned get(enum list_name name, const char *s, size_t n)
{
	pthread_once(&once, load);
	const struct list *l = &lists[name];
	if (n == 0)
		return 0;
	size_t low = l->start[(unsigned char)s[0]], high = l->start[(unsigned char)s[0] + 1u];
	while (low < high) {
		size_t mid = (low + high) / 2;
		int c = compare_bytes(s, n, l->v[mid].s, l->v[mid].n);
		if (c == 0)
			return l->v[mid].what;
		if (c < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return 0;
}

/* What a word says that ${s} starts with. */
static unsigned get_start(enum list_name name, const char *s, size_t n)
{
	pthread_once(&once, load);
	const struct list *l = &lists[name];
	if (n == 0)
		return 0;
	for (size_t i = l->start[(unsigned char)s[0]]; i < l->start[(unsigned char)s[0] + 1u]; i++)
		if (n >= l->v[i].n && memcmp(s, l->v[i].s, l->v[i].n) == 0)
			return l->v[i].what;
	return 0;
}

static bool any_starts(enum group_name name, const char *s, size_t n)
{
	pthread_once(&once, load);
	const struct list *g = &groups[name];
	for (size_t i = 0; i < g->len; i++)
		if (n >= g->v[i].n && memcmp(s, g->v[i].s, g->v[i].n) == 0)
			return true;
	return false;
}

static bool any_ends(enum group_name name, const char *s, size_t n)
{
	pthread_once(&once, load);
	const struct list *g = &groups[name];
	for (size_t i = 0; i < g->len; i++)
		if (n >= g->v[i].n && memcmp(s + n - g->v[i].n, g->v[i].s, g->v[i].n) == 0)
			return true;
	return false;
}

/* One of the words inside of ${s}: at the start of a word, or anywhere in scripts without blanks. */
static bool any_inside(enum group_name name, const char *s, size_t n)
{
	pthread_once(&once, load);
	const struct list *g = &groups[name];
	bool inside = false; /* of a word in ASCII */
	for (size_t i = 0; i < n; i++) {
		const unsigned char c = (unsigned char)s[i];
		if (!inside || c < 'a' || c > 'z')
			for (size_t k = g->start[c], end = g->start[c + 1u]; k < end; k++)
				if (n - i >= g->v[k].n && memcmp(s + i, g->v[k].s, g->v[k].n) == 0)
					return true;
		inside = c >= 'a' && c <= 'z';
	}
	return false;
}

unsigned mail_word_of_attribution(const char *word, size_t n)
{
	return get(ATTRIBUTION, word, n);
}

bool mail_word_quoting(const char *key, size_t n)
{
	return any_starts(QUOTING, key, n);
}

bool mail_word_verb_ends(const char *key, size_t n)
{
	return n >= 3 && (unsigned char)key[n - 1] >= 0x80 && any_ends(VERB_ENDS, key, n);
}

enum mail_label mail_word_label(const char *key, size_t n)
{
	/* Tables share words like "from" and "no" with sentences; the rules ask for a whole block. */
	unsigned found = get(LABELS, key, n);
	return found > LABEL_OTHER ? LABEL_OTHER : (enum mail_label)found;
}

enum mail_marker mail_word_marker(const char *phrase, size_t n)
{
	unsigned found = get(MARKERS, phrase, n);
	if (found == 0)
		found = get_start(MARKER_STARTS, phrase, n);
	return (found & MARKER_FORWARD) ? MARKER_FORWARD : (enum mail_marker)found;
}

bool mail_word_reply_above(const char *key, size_t n)
{
	return n <= 240 && any_inside(REPLY_ABOVE, key, n);
}

bool mail_word_sent_from(const char *key, size_t n)
{
	while (n > 0 && strchr("-_<([ \"'.", key[0]) != NULL) {
		key++;
		n--;
	}
	const char *url = memmem(key, n, "http", 4); /* only its place counts */
	size_t said = url != NULL ? (size_t)(url - key) : n, words = 1;
	if (n < 4 || said > 110 || (said > 0 && key[said - 1] == '?'))
		return false;
	for (size_t i = 0; i < said; i++)
		words += key[i] == ' ' && i + 1 < said;
	const unsigned how = get_start(SENT, key, n);
	bool found = (how & SENT_FULL) ? words <= 14 : false;
	found |= (how & SENT_SHORT) && words <= 5;
	found |= (how & SENT_VERB) && words <= 10 && memmem(key, said, "gesendet", 8) != NULL;
	found |= words <= 6 && any_ends(SENT_ENDS, key, said);
	return found && (any_inside(DEVICES, key, said) || (words <= 4 && any_inside(BRANDS, key, said)));
}

unsigned mail_word_disclaimer(const char *key, size_t n)
{
	return (any_inside(SECRETS, key, n) ? DISCLAIMER_SECRET : 0u) | (any_inside(DUTIES, key, n) ? DISCLAIMER_DUTY : 0u) |
	    (any_inside(SELVES, key, n) ? DISCLAIMER_SELF : 0u);
}

bool mail_word_footer(const char *key, size_t n)
{
	return any_inside(FOOTERS, key, n);
}

bool mail_word_banner_starts(const char *key, size_t n)
{
	return any_starts(BANNER_STARTS, key, n);
}

bool mail_word_banner(const char *key, size_t n)
{
	return any_inside(BANNERS, key, n);
}

bool mail_word_thanks(const char *key, size_t n)
{
	return any_starts(THANKS, key, n);
}

bool mail_word_viewer(const char *key, size_t n)
{
	return any_inside(VIEWERS, key, n);
}

bool mail_word_forward_subject(const char *key, size_t n)
{
	return any_starts(FORWARD_SUBJECTS, key, n);
}
