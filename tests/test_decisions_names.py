"""No name is kept for looking like a term: thousands of them, each as a line, against the vocabulary.

`SURNAMES` and `GIVEN` are the most frequent ones of the United States census of 1990 (public domain),
`ELSEWHERE` are drawn from the name lists of Faker (MIT licence) for 23 countries, `ROMANISED` are common
East and South Asian surnames in Latin letters.
"""

from __future__ import annotations

import random

import pytest

from scrub_pixels.decisions import Context, DecisionSettings, Identity, Verdict, judge
from scrub_pixels.decisions.spelling import fold, tokens
from scrub_pixels.decisions.vocabulary import load_vocabulary
from scrub_pixels.geometry import FrameSpan, Region
from scrub_pixels.text.lines import TextLine

SURNAMES = """
smith johnson williams jones brown davis miller wilson moore taylor anderson thomas jackson white harris
martin thompson garcia martinez robinson clark rodriguez lewis lee walker hall allen young hernandez king
wright lopez hill scott green adams baker gonzalez nelson carter mitchell perez roberts turner phillips
campbell parker evans edwards collins stewart sanchez morris rogers reed cook morgan bell murphy bailey
rivera cooper richardson cox howard ward torres peterson gray ramirez james watson brooks kelly sanders
price bennett wood barnes ross henderson coleman jenkins perry powell long patterson hughes flores
washington butler simmons foster gonzales bryant alexander russell griffin diaz hayes myers ford hamilton
graham sullivan wallace woods cole west jordan owens reynolds fisher ellis harrison gibson mcdonald cruz
marshall ortiz gomez murray freeman wells webb simpson stevens tucker porter hunter hicks crawford henry
boyd mason morales kennedy warren dixon ramos reyes burns gordon shaw holmes rice robertson hunt black
daniels palmer mills nichols grant knight ferguson rose stone hawkins dunn perkins hudson spencer gardner
stephens payne pierce berry matthews arnold wagner willis ray watkins olson carroll duncan snyder hart
cunningham bradley lane andrews ruiz harper fox riley armstrong carpenter weaver greene lawrence elliott
chavez sims austin peters kelley franklin lawson fields gutierrez ryan schmidt carr vasquez castillo wheeler
chapman oliver montgomery richards williamson johnston banks meyer bishop mccoy howell alvarez morrison
hansen fernandez garza harvey little burton stanley nguyen george jacobs reid kim fuller lynch dean gilbert
garrett romero welch larson frazier burke hanson day mendoza moreno bowman medina fowler brewer hoffman
carlson silva pearson holland douglas fleming jensen vargas byrd davidson hopkins may terry herrera wade
soto walters curtis neal caldwell lowe jennings barnett graves jimenez horton shelton barrett obrien castro
sutton gregory mckinney lucas miles craig rodriquez chambers holt lambert fletcher watts bates hale rhodes
pena beck newman haynes mcdaniel mendez bush vaughn parks dawson santiago norris hardy love steele curry
powers schultz barker guzman page munoz ball keller chandler weber leonard walsh lyons ramsey wolfe
schneider mullins benson sharp bowen daniel barber cummings hines baldwin griffith valdez hubbard salazar
reeves warner stevenson burgess santos tate cross garner mann mack moss thornton dennis mcgee farmer delgado
aguilar vega glover manning cohen harmon rodgers robbins newton todd blair higgins ingram reese cannon
strickland townsend potter goodwin walton rowe hampton ortega patton swanson joseph francis goodman
maldonado yates becker erickson hodges rios conner adkins webster norman malone hammond flowers cobb moody
quinn blake maxwell pope floyd osborne paul mccarthy guerrero lindsey estrada sandoval gibbs tyler gross
fitzgerald stokes doyle sherman saunders wise colon gill alvarado greer padilla simon waters nunez ballard
schwartz mcbride houston christensen klein pratt briggs parsons mclaughlin zimmerman french buchanan moran
copeland roy pittman brady mccormick holloway brock poole frank logan owen bass marsh drake wong jefferson
park morton abbott sparks patrick norton huff clayton massey lloyd figueroa carson bowers roberson barton
tran lamb harrington casey boone cortez clarke mathis singleton wilkins cain bryan underwood hogan mckenzie
collier luna phelps mcguire allison bridges wilkerson nash summers atkins wilcox pitts conley marquez
burnett richard cochran chase davenport hood gates clay ayala sawyer roman vazquez dickerson hodge acosta
flynn espinoza nicholson monroe wolf morrow kirk randall anthony whitaker oconnor skinner ware molina kirby
huffman bradford charles gilmore dominguez oneal bruce lang combs kramer heath hancock gallagher gaines
shaffer short wiggins mathews mcclain fischer wall small melton hensley bond dyer cameron grimes contreras
christian wyatt baxter snow mosley shepherd larsen hoover beasley glenn petersen whitehead meyers keith
garrison vincent shields horn savage olsen schroeder hartman woodard mueller kemp deleon booth patel calhoun
wiley eaton cline navarro harrell lester humphrey parrish duran hutchinson hess dorsey bullock robles beard
dalton avila vance rich blackwell york johns blankenship trevino salinas campos pruitt moses callahan golden
montoya hardin guerra mcdowell carey stafford gallegos henson wilkinson booker merritt miranda atkinson orr
decker hobbs preston tanner knox pacheco stephenson glass rojas serrano marks hickman english sweeney strong
prince mcclure conway walter roth maynard farrell lowery hurst nixon weiss trujillo ellison sloan juarez
winters mclean randolph leon boyer villarreal mccall gentry carrillo kent ayers lara shannon sexton pace
hull leblanc browning velasquez leach chang house sellers herring noble foley bartlett mercado landry durham
walls barr mckee bauer rivers everett bradshaw pugh velez rush estes dodson morse sheppard weeks camacho
bean barron livingston middleton spears branch blevins chen kerr mcconnell hatfield harding ashley solis
herman frost giles blackburn william pennington woodward finley mcintosh koch best solomon mccullough dudley
nolan blanchard rivas brennan mejia kane benton joyce buckley haley valentine maddox russo mcknight buck
moon mcmillan crosby berg dotson mays roach church chan richmond meadows faulkner oneill knapp kline barry
ochoa jacobson gay avery hendricks horne shepard hebert cherry cardenas mcintyre whitney waller holman
donaldson cantu terrell morin gillespie fuentes tillman sanford bentley peck key salas rollins gamble
dickson battle santana cabrera cervantes howe hinton hurley spence zamora yang mcneil suarez case petty
gould mcfarland sampson carver bray rosario macdonald stout hester melendez dillon farley hopper galloway
potts bernard joyner stein aguirre osborn mercer bender franco rowland sykes benjamin travis pickett crane
sears mayo dunlap hayden wilder mckay coffey mccarty ewing cooley vaughan bonner cotton holder stark ferrell
cantrell fulton lynn lott calderon rosa pollard hooper burch mullen fry riddle levy david duke odonnell guy
michael britt frederick daugherty berger dillard alston jarvis frye riggs chaney odom duffy fitzpatrick
valenzuela merrill mayer alford mcpherson acevedo donovan barrera albert cote reilly compton raymond mooney
mcgowan craft cleveland clemons wynn nielsen baird stanton snider rosales bright witt stuart hays holden
rutledge kinney clements castaneda slater hahn emerson conrad burks delaney pate lancaster sweet justice
tyson sharpe whitfield talley macias irwin burris ratliff mccray madden kaufman beach goff cash bolton
mcfadden levine good byers kirkland kidd workman carney dale mcleod holcomb england finch head burt hendrix
sosa haney franks sargent nieves downs rasmussen bird hewitt lindsay le foreman valencia oneil delacruz
vinson dejesus hyde forbes gilliam guthrie wooten huber barlow boyle mcmahon buckner rocha puckett langley
knowles cooke velazquez whitley noel vang shea rouse hartley mayfield elder rankin hanna cowan lucero arroyo
slaughter haas oconnell minor kendrick shirley kendall boucher archer boggs odell dougherty andersen newell
crowe wang friedman bland swain holley felix pearce childs yarbrough galvan proctor meeks lozano mora rangel
bacon villanueva schaefer rosado helms boyce goss stinson smart lake ibarra hutchins covington reyna gregg
werner crowley hatcher mackey bunch womack polk jamison dodd childress childers camp villa dye springer
mahoney dailey belcher lockhart griggs costa connor brandt winter walden moser tracy tatum mccann akers lutz
pryor law orozco mcallister lugo davies shoemaker madison rutherford newsome magee chamberlain blanton simms
godfrey flanagan crum cordova escobar downing sinclair donahue krueger mcginnis gore farris webber corbett
andrade starr lyon yoder hastings mcgrath spivey krause harden crabtree kirkpatrick hollis brandon arrington
ervin clifton ritter mcghee bolden maloney gagnon dunbar ponce pike mayes heard beatty mobley kimball butts
montes herbert grady eldridge braun hamm gibbons seymour moyer manley herron plummer elmore cramer gary
rucker hilton blue pierson fontenot field rubio grace goldstein elkins wills novak john hickey worley gorman
katz dickinson broussard fritz woodruff crow christopher britton forrest nance lehman bingham zuniga whaley
shafer coffman steward delarosa nix neely numbers mata manuel davila mccabe
""".split()

GIVEN = """
aaron abraham ada adam adrian adrienne agnes alan albert alberta alberto alejandro alex alexander alexandra
alfonso alfred alfredo alice alicia alison allan allen allison alma alton alvin alyssa amanda amber amelia
amy ana andre andrea andres andrew andy angel angela angelica angelina angelo angie anita ann anna anne
annette annie anthony antoinette antonia antonio april archie arlene armando arnold arthur arturo ashley
audrey austin barbara barry beatrice becky belinda ben benjamin bennie benny bernadette bernard bernice
bertha bessie beth bethany betsy betty beulah beverly bill billie billy blake blanca blanche bob bobbie
bobby bonnie brad bradley brandi brandon brandy brenda brent brett brian bridget brittany brooke bruce bryan
byron calvin cameron candace candice carl carla carlos carlton carmen carol carole caroline carolyn carrie
casey cassandra catherine cathy cecelia cecil cecilia cedric celia cesar chad charlene charles charlie
charlotte chelsea cheryl chester chris christian christie christina christine christopher christy cindy
claire clara clarence claude claudia clayton clifford clifton clinton clyde cody colin colleen connie
constance cora corey cory courtney craig cristina crystal curtis cynthia daisy dale damon dan dana daniel
danielle danny darlene darrell darren darryl daryl dave david dawn dean deanna debbie deborah debra delbert
della delores denise dennis derek derrick desiree devin diana diane dianna dianne dolores dominic don donald
donna donnie dora doreen doris dorothy doug douglas duane dustin dwayne dwight earl earnest ed eddie edgar
edith edmund edna eduardo edward edwin eileen elaine eleanor elena elizabeth ella ellen elmer eloise elsie
emily emma enrique eric erica erik erika erin erma ernest ernestine ernesto estelle esther ethel eugene eula
eunice eva evan evelyn everett fannie faye felicia felipe felix fernando flora florence floyd frances
francis francisco frank franklin fred freda freddie frederick fredrick gabriel gail garrett garry gary gayle
gene geneva genevieve geoffrey george georgia gerald geraldine gerard gerardo gertrude gilbert gina ginger
gladys glen glenda glenn gloria gordon grace grant greg gregg gregory gretchen guadalupe guillermo guy
gwendolyn hannah harold harriet harry harvey hattie hazel heather hector heidi helen henrietta henry herbert
herman hilda holly homer hope horace howard hubert hugh ian ida inez ira irene iris irma isaac isabel israel
ivan jack jackie jacob jacqueline jacquelyn jaime james jamie jan jana jane janet janice janie janis jared
jasmine jason javier jay jean jeanette jeanne jeannette jeff jeffery jeffrey jennie jennifer jenny jeremiah
jeremy jermaine jerome jerry jesse jessica jessie jesus jill jim jimmie jimmy jo joan joann joanna joanne
jodi jody joe joel joey john johnathan johnnie johnny jon jonathan jonathon jordan jorge jose joseph
josephine joshua joy joyce juan juana juanita judith judy julia julian julie julio julius june justin kara
karen kari karl karla katherine kathleen kathryn kathy katie katrina kay kayla keith kelley kelli kelly
kelvin ken kendra kenneth kenny kent kerry kevin kim kimberly kirk krista kristen kristi kristin kristina
kristine kristy krystal kurt kyle lance larry latoya laura lauren laurie lawrence leah lee leigh lena leo
leon leona leonard leroy leslie lester leticia lewis lillian lillie linda lindsay lindsey lisa lloyd lois
lola lonnie lora loren lorenzo loretta lori lorraine louis louise lowell lucas lucille lucy luis luke lula
luther luz lydia lyle lynda lynette lynn lynne mabel mable madeline mae maggie malcolm mamie manuel marc
marcella marcia marco marcus margaret margarita margie marguerite maria marian marianne marie marilyn mario
marion marjorie mark marlene marsha marshall martha martin marvin mary maryann mathew matt matthew mattie
maureen maurice max maxine megan meghan melanie melinda melissa melody melvin mercedes meredith michael
micheal michele michelle miguel mike mildred milton minnie miriam misty mitchell molly mona monica monique
morris muriel myra myron myrtle nadine nancy naomi natalie natasha nathan nathaniel neal neil nellie nelson
nicholas nichole nick nicole nina noel nora norma norman olga oliver olivia omar opal orlando oscar otis
pablo pam pamela pat patricia patrick patsy patty paul paula paulette pauline pearl pedro peggy penny perry
pete peter philip phillip phyllis preston priscilla rachael rachel rafael ralph ramon ramona randall
randolph randy raquel raul ray raymond rebecca regina reginald rene renee rex rhonda ricardo richard rick
rickey ricky rita robert roberta roberto robin robyn rochelle roderick rodney rodolfo roger roland ron
ronald ronnie roosevelt rosa rosalie rose rosemarie rosemary rosie ross roxanne roy ruben ruby rudolph rudy
russell ruth ryan sabrina sadie sally salvador salvatore sam samantha samuel sandra sandy sara sarah scott
sean sergio seth shane shannon sharon shaun shawn sheila shelia shelley shelly sheri sherman sherri sherry
sheryl shirley sidney sonia sonya sophia spencer stacey stacy stanley stella stephanie stephen steve steven
stuart sue susan susie suzanne sylvester sylvia tamara tammy tanya tara ted teresa teri terrance terrence
terri terry thelma theodore theresa thomas tiffany tim timothy tina todd tom tommy toni tony tonya tracey
traci tracy travis trevor troy tyler tyrone valerie vanessa velma vera verna vernon veronica vicki vickie
vicky victor victoria vincent viola violet virgil virginia vivian wade wallace walter wanda warren wayne
wendell wendy wesley whitney wilbur willard william willie willis wilma wilson wm yolanda yvette yvonne
zachary
""".split()

ELSEWHERE = """
Aasa Abebi Adam Adedeji Adegoke Adeniyi Adesua Adler Adrian Advay Afolarin Agnieszka Aguilar Ahola Aida Aina
Ainārs Akinlabi Akinrinola Alain Alamu Alan Albert Albin Aleodor Alex Alexander Alfio Alfonso Alfred Ali
Alice Alighieri Alina Allas Alm Almazán Almeida Alphonse Altera Alves Amalia Amaya Amidžić Amélia Ana
Anargül Anastazja Andrea Andreassen Andrew Andrzej André Anděla Angelica Angelika Anh Anna Annamaria
Annibale Anny Antelami Antoni Antonija Anttila Appelman Aranka Arifcan Arild Arinola Arjona Arkut Armani
Arne Arnesen Arnold Arslan Artan Artur Arula Asman Astrid Aurică Aurélie Ausma Auziņš Avotiņa Awodiran Aya
Ayanda Aynımah Babasola Bakda Bakken Baktianto Balić Balla Ballester Balodis Ban Banara Bancar Barbara
Barbro Barracco Barranco Bartolomeo Barzini Bave Baytal Bačak Beatrice Bebe Beccaria Beffa Benard Benavente
Benjamin Bergström Bernarda Berta Berthelot Bertho Bertoša Beránek Bettina Beyda Bezemer Bhedleni Bhengu
Bianca Bidayet Binışık Birger Birzniece Bite Biyase Blanka Blokland Bohnbach Bohuslav Bolatito Bonneau
Bonnet Bonnin Bora Borra Botić Bradić Brian Briand Brinda Brit Brito Britt Broņislava Bruna Bruneau Bruno
Brännström Brígida Bukvić Buzov Byström Bálint Bárbara Bùi Caboto Caetana Cahyono Caironi Camila Camiscione
Campise Campos Candra Canfeza Caridad Carlijn Carlos Carmen Carolina Caroline Caron Carpentier Casals Caune
Cazimir Cedide Cetin Cezara Cezary Chad Chahal Chakrika Charlotte Chatterjee Chi Chibi Christian Christiane
Christina Christine Christophe Châu Ciampi Cianciolo Cipriana Ciríaco Clarisa Coloma Concetta Constance
Constança Cornelius Correa Costa Costin Cristóbal Cuda Cuervo Cyprian Cīrule Dagel Dainis Danang Danilo
Daria Dariusz Date David Dayamai Dayar Delahaye Dezső Dick Didina Diego Dina Dino Dippel Dixit Diána Dlamane
Dlamini Dochia Doe Doležalová Domnica Dorottya Dostálová Draga Draghi Dragutin Drozdov Duarte Ducu Dumitrana
Duuk Duyên Dvořáková Dénes Dũng Dương Edit Eduardo Edun Edvardsen Eetu Egil Egils Eijkelboom Eivind Ekalinga
Ekberg Ekundayo Elemér Elif Elin Eliška Ella Ellen Elo Elodia Elton Elvis Elīna Emilia Emmy Epifanio Ergül
Erik Erling Ernest Ernst Eryk Esko Esther Eugène Eva Ewa Ewatomi Fabian Fabrizi Fagerström Fagunwa Fajimi
Falan Fami Fanni Fariq Fechant Felicia Feline Fenya Ferenc Fiamma Fiere Filip Flavio Fleury Flink Foa
Folashade Fomin Fontaine Fournier Franciszek Franka Frans Fredriksson Fuentes Félix Gabriela Gading Gaillard
Galešić Galić Ganesh Garda Gaya Gbolahan Gbowoade Gcumisa Gcwabe Gence Gençay Geraldo Gerd Germain Germano
Gil Gilbert Gilles Gimenez Ginyas Gioachino Girard Gnatz Golubić Gotthard Grete Grgurević Grigoriev Griselda
Gromov Grzegorz Gröttner Guarino Gudrun Gunita Gunn Gustaw Gute György Györgyi Gál Gökçe Gülenay Haengreve
Halambek Halapir Hanna Harapin Hari Hastuti Haydée Hedvika Hege Heinsalu Heliodoro Henri Henrieta Henriette
Heracleea Herout Hećimović Hiltraud Hlabangane Hlumakazi Hoarau Holub Hondeveld Hoàng Hren Hugo Huhn Hulst
Humaira Huttunen Huurdeman Huuskonen Huy Hyvärinen Hürmet Hưng Hương Ian Iara Ida Ieva Igor Ikeoluwa Ildikó
Ilgı Ilse Ilupeju Indrek Indriķis Ingbert Inioluwa Ionică Iosif Iretioluwa Irma Irsad Isabela Isabelle
Isidoro Ismail Ismo Iustin Ivan Ivanović Ivars Ivo Iwo Jaan Jabal Jacek Jacob Jacobs Jaeman Jakub Jalsa Jan
Jane Jans Jansson Janya Jaroslav Jaunzema Jay Jelena Jensen Jenő Jibela Jiřina Joaquim Joel Johan Johansen
John Jokela Jolán Jonathan Jordy Joséphine Juhász Julianna Julita Juliá Juni Juqula Jurado Jurlina Järvenpää
Józef József Jørgen Jędrzej Jūle Jūlija Kabus Kalamees Kaljula Kalniņš Kamil Kanerva Kangur Kari Karjalainen
Karlijn Karma Karoline Kasak Kask Kata Katrin Keji Kelemen Kemal Kenneth Kerttu Keskinen Keudel Kevin Kheswa
Khoa Kiik Kiil Kjetil Klaas Klaudia Knud Koit Kok Kolawole Komulainen Kool Kornel Kornelia Kortelainen
Kotkas Kristaps Kristers Kristiina Kristine Kristoffer Krists Kristýna Krūmiņa Ksawery Kubheka Kudrjavtsev
Kuijpers Kuipers Kujundžić Kukkonen Kunigunda Kurm Kusmawati Kwaadland Kálmán Kärkkäinen Kısakürek Labado
Lan Landström Lange Lascăr Lassi Laura Lebrun Leena Lefebvre Leleu Leon Leopold Leordean Lepistö Lere Lidija
Lidén Liiva Lili Lilita Linda Linh Lipponen Lisbeth Liukkonen Liv Liwia Loek Lomp Lope Lopes Lorin Louws
Luana Luboš Luc Luca Lucarelli Lucia Lucio Lucy Ludovica Lukita Lukáš Lumiste Lumír Lundberg Lundholm Luster
Luís Lääts Lévêque Lê Lüfen Lütfi Lība Lūcija Machado Maciej Macs Mafalda Mafobo Mai Makhoba Makovac Manuela
Manya Manyoni Maras Marbun Marcel Marco Marcos Marcus Marek Marešová Margret Marianna Marika Marina
Marinković Marinović Marioara Marita Marius Mariusz Marjanović Markkanen Marpaung Marta Martina Martinsen
Maseko Mashiya Masinga Mastandrea Mathibela Mathilde Matoušek Matulin Matěj Maurycy Mbhulangwe Mbungela
Mcwaye Mdladla Meghana Melania Melisa Melissa Melker Memela Merel Mets Meunier Micha Michel Mihhailov
Mihriye Mikkelsen Milas Milena Milo Miloslav Miloslava Miluše Minh Miranda Miriam Miroslava Mitt Mkhatshwa
Mkhithi Mkhonza Mntungwa Moa Mocenigo Modesta Modi Modrić Modupe Moisio Monduzzi Monika Montanari Moraleda
Moravcová Moreira Moreno Morin Morten Morán Moulin Mpangazitha Mpikela Msani Mudden Mujde Murcia Murti
Myklebust Mzilankatha Mzolo Mária Mäe Männik Müret Nacio Nadig Nakul Nam Naradi Nas Nasiba Nasyiah Nasyidah
Natalia Natanael Natt Navrátil Nazende Ncwaba Nelson Nenad Nesip Ngubane Nguyen Nhiên Nico Nicole Nikodem
Nikolai Nina Nisa Niño Noel Nogueira Nomvuma Nongalo Noor Nora Nothando Novosel Ntshalintshali Nurey Nurmi
Nyembezi Næss Němečková ObaniJesu Obradović Octav Octaviana Océane Odika Ogunbiyi Ogunbo Oikarinen Ojasvi
Olanrewaju Olav Oldağ Olesk Olgierd Oliver Ollila Olsson Olugbayila Olumorotimi Olusanya Oluwagbemiga
Oluwamumibori Oluwamuyiwa Oluwasanmi Oluwasegun Omaja Oman Omobobola Omotola Omotoun Omya Onkar Orešković
Orlando Orsós Oršulić Osman Ossian Osuntokun Otfried Ott Ottó Owokoniran Oyeniyi Oyetoro Oļģerts Padovano
Pandu Panini Partanen Patla Patric Patricia Patrick Patrik Pauli Pedersen Penić Perini Perinur Perkins Peter
Petra Petre Petrică Petru Phillip Phúc Piedad Pierpaolo Pilar Pinto Piotr Polesel Polis Polonijo Pompiliu
Ponci Pongrac Pou Poulain Pratesi Preda Profira Puharić Puji Puranen Puri Puriņa Pál Pärna Quang Quincy
Raamat Radek Radeke Raden Rafael Rafał Raffaellino Raisa Rajata Rajeshri Ramachandran Ramakrishnan Ramirez
Ranganathan Rangga Raquel Rasmus Raud Rebane Rebić Recepali Reet Reidun Renata Reyna Reynaldo Riina Rijks
Rintala Rita Ritoša Rivière Rizzoli Rodrigo Rodrigues Rosa Rozalia Rozália Rusticucci Ruta Róża Römer Růžena
Sabela Sabri Sachdeva Sakač Salako Salmela Salomé Salumäe Sam Samanta Sami Samuel Sanchez Sandra Sanita
Sanna Sarneel Sauer Saverio Savolainen Scandone Schagen Scheffers Schuster Schwital Schüler Sebastian
Sedláčková Seppo Sergiu Serma Serpil Sevginur Seydo Shekoni Shinga Shukla Sibisi Siem Sikhunyana Siliņa
Silja Silva Silvie Silvio Simisola Simon Simão Sinaga Sindre Singhal Sirel Sisko Siti Sitters Sjöblom
Skujiņš Sokhela Sokolov Solberg Solera Solovjov Sonia Sood Sršen Stanisław Stefano Steinar Stela Steuer Stig
Stijn Stoica Strijker Sture Suomalainen Sura Surya Susan Suur Svatoslav Sverre Světlana Szabó Szymon Szücs
Szőke Sáenz Söderlund Sørensen Tak Tamburini Tank Tarmo Taswir Tata Tatiana Teixeira Tekla Teodora Teodosia
Teona Terje Terézia Tevs Teybet Thando Thela Thembela Thomas Thorsen Thành Tiainen Tiberia Tiberiu Tibor
Tiiu Tina Tincuța Tobias Toivo Tomasz Tomić Tomori Tonje Toomsalu Tor Torquato Torsten Trentin Trevisan
Trine Trung Turiņa Tuul Tuuli Tveit Täht Tímea Tóth Tùng Tú Tünde Türcan Tüzenur Uittenbosch Ulva Upasna
Upik Uppal Urban Uribe Urszula Uus Valentová Valeri Valeria Vanessa Varga Venceslás Venla Vera Veres Verkade
Verneri Vezrife Vi Vicente Victor Vieira Vik Viktorie Viktória Vilciņš Vilis Vill Vineta Virág Vita Vlasta
Volkhard Vora Vratislav Vrinda Vuk Vuokko Vuorinen Vân Väisänen Vīksna Vũ Wacana Waskita Wastuti Watika
Wazir Westlund Wibisono Wieland Wilfredo Winda Witold Wojciech Wolzak Wuraola Xaba Xuân Yasmine Yewande
Yeşil Ylva Yoga Yolanda Zaharia Zamira Zaraza Zaķe Zaķis Zbigniew Zdeněk Zelić Zeltiņš Zikmund Zoltán Zora
Zsanett Zsombor Zuzana Zvirbule Ánh Åke Çalım Õun Öge Öncel Øystein Ülke Āboliņa Čudić Ēvalds İklim İlkim
Şazime Şemsinisa Şilan Şirivan Šimková Šimon Škunca Šokčević Štěpánek Žic Žáková
""".split()

ROMANISED = """
wang li zhang liu chen yang zhao huang zhou wu xu sun hu zhu gao lin he guo ma luo liang song zheng xie han
tang feng yu dong xiao cheng cao yuan deng fu shen zeng peng su lu jiang cai jia ding wei xue ye yan pan du
dai xia zhong tian ren fang shi yao tan kim lee park choi jung kang cho yoon jang lim han oh seo shin kwon
hwang ahn tanaka sato suzuki takahashi watanabe ito yamamoto nakamura kobayashi kato yoshida yamada nguyen
tran pham huynh phan vu vo dang bui do ngo duong singh kumar sharma patel khan ali ahmed hussain begum
""".split()

NAMES = [*SURNAMES, *GIVEN, *ELSEWHERE, *ROMANISED]
MIDDLE, HEADER = 300, 8
KEPT_UNLESS_IN_HEADER = set("""mets""".split())
"""Names on these lists that are so much rarer than the term that only a header match masks them."""


def _kept(texts: list[str], row: int) -> list[str]:
    """Return the texts that would stay, each judged alone, as its neighbours would speak against it."""
    return [text for text in texts if _verdict(text, row) is Verdict.BENIGN]


def _verdict(text: str, row: int) -> Verdict:
    line = TextLine(Region(row, 10, 12, 8 * len(text)), FrameSpan(0, 1), text, 0.99, 0.99)
    return judge([line], Identity(), DecisionSettings(), Context((600, 800)))[0].verdict


def _words(names: list[str]) -> set[str]:
    return {word for name in names for word in tokens(fold(name))}


@pytest.mark.parametrize("style", [str.upper, str.title, str.lower])
def test_no_name_alone_is_kept_where_names_stand(style) -> None:
    assert _words(_kept([style(name) for name in NAMES], HEADER)) <= KEPT_UNLESS_IN_HEADER


def test_names_kept_elsewhere_are_declared_homographs() -> None:
    declared = load_vocabulary().band | KEPT_UNLESS_IN_HEADER
    assert _words(_kept([name.upper() for name in NAMES], MIDDLE)) <= declared


@pytest.mark.parametrize(
    "form", ["{0}, {1}", "{1} {0}", "{0}^{1}", "{0} {1[0]}", "{1[0]}. {0}", "{0} {1} 45Y"]
)
def test_full_names_are_never_kept(form: str) -> None:
    rng = random.Random(5)
    pairs = [form.format(rng.choice(SURNAMES), rng.choice(GIVEN)).upper() for _ in range(400)]
    assert _kept(pairs, MIDDLE) == []


def test_names_that_resemble_terms_are_not_terms() -> None:
    lookalikes = "WRIGHT OLIVER SCOTT BREWSTER APEXO LIVERMORE RENATE SPLEENE GAINES LEFTY CHESTER"
    assert _kept(lookalikes.split(), MIDDLE) == []


def test_names_with_misread_letters_are_not_repaired_into_terms() -> None:
    rng = random.Random(9)
    swaps = {"O": "0", "I": "1", "S": "5", "B": "8", "Z": "2", "L": "1"}
    misread = []
    for name in (name.upper() for name in (*SURNAMES, *GIVEN)):
        places = [i for i, letter in enumerate(name) if letter in swaps]
        if places and len(name) > 2:
            i = rng.choice(places)
            misread.append(name[:i] + swaps[name[i]] + name[i + 1 :])
    assert len(misread) > 1000
    assert [*_kept(misread, HEADER), *_kept(misread, MIDDLE)] == []


def test_the_lists_are_as_large_as_they_claim() -> None:
    assert len(SURNAMES) >= 1000 and len(GIVEN) >= 700 and len(ELSEWHERE) >= 1000


def test_every_single_word_term_on_a_list_is_declared_a_homograph() -> None:
    vocabulary = load_vocabulary()
    terms = {word for word in _words(NAMES) if len(word) > 1 and word in vocabulary.words}
    assert {word for word in terms if not vocabulary.is_name(word)} == set()
